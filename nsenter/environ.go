package nsenter

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Environ is the environment that the payload would get: Env, or the caller's
// with PWD as Dir makes it, each key once.
func (c *Cmd) Environ() []string {
	env, _ := c.environ()
	return env
}

// environ is Environ, and an error if a string of it holds a NUL.
func (c *Cmd) environ() ([]string, error) {
	env := c.Env
	if env == nil {
		inherited, err := c.inheritedEnv()
		if err != nil {
			return nil, err
		}
		env = inherited
	}
	return lastOfEach(env)
}

// inheritedEnv is the caller's environment. A PWD that is wrong where the
// payload will be is corrected, or dropped where nobody can say.
func (c *Cmd) inheritedEnv() ([]string, error) {
	env := os.Environ()
	switch {
	case c.WorkDir != nil:
		return slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "PWD=") }), nil
	case c.hasOwnRoot():
		return append(env, "PWD="+path.Join("/", c.Dir)), nil
	case c.Dir == "":
		return env, nil
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, callerError("find directory", c.Dir, err)
	}
	return append(env, "PWD="+dir), nil
}

// lastOfEach keeps the last value of each key, in the order of env. Strings
// with a NUL are left out and reported: exec would cut them short.
func lastOfEach(env []string) ([]string, error) {
	var err error
	seen := make(map[string]bool, len(env))
	kept := make([]string, 0, len(env))
	for _, kv := range slices.Backward(env) {
		if strings.IndexByte(kv, 0) >= 0 {
			err = holdsNUL("set environment", kv)
			continue
		}
		if kv == "" {
			continue
		}
		if key, ok := keyOf(kv); ok {
			if seen[key] {
				continue
			}
			seen[key] = true
		}
		kept = append(kept, kv)
	}
	slices.Reverse(kept)
	return kept, err
}

// keyOf is what stands before "=". One in front belongs to the key, as in
// os/exec ("=C:" of Windows), so that "=x" has the key "".
func keyOf(kv string) (key string, ok bool) {
	i := strings.IndexByte(kv, '=')
	if i == 0 {
		i = strings.IndexByte(kv[1:], '=') + 1
	}
	if i < 0 {
		return "", false
	}
	return kv[:i], true
}
