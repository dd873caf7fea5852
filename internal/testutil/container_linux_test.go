package testutil

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestContainerHasItsOwnNamespaces(t *testing.T) {
	t.Run("runc", func(t *testing.T) { checkOwn(t, RuncTarget(t)) })
	t.Run("crun", func(t *testing.T) { checkOwn(t, CrunTarget(t)) })
	for _, runtime := range []string{"runc", "crun"} {
		t.Run(runtime+" user", func(t *testing.T) { checkOwn(t, Container(t, runtime, ContainerTypes|unix.CLONE_NEWUSER)) })
	}
}

func TestKillRemovesContainer(t *testing.T) {
	p := RuncTarget(t)
	p.Kill()
	if alive(p.PID) {
		t.Errorf("container's process %d is still there", p.PID)
	}
}
