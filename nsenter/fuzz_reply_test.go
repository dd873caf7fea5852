//go:build linux && cgo

package nsenter

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"nsexec/ns"
)

// encode is a reply as a stage sends it, from what parseReply takes out of it: struct nsenter_reply.
func (r *reply) encode() []byte {
	b := binary.NativeEndian.AppendUint32(nil, 0x6e736578)
	for _, word := range []uint32{uint32(r.kind), uint32(r.stage), uint32(r.errno), r.detail, uint32(r.pid)} {
		b = binary.NativeEndian.AppendUint32(b, word)
	}
	b = binary.NativeEndian.AppendUint64(b, uint64(r.typ))
	b = binary.NativeEndian.AppendUint64(b, uint64(r.time.UnixNano()))
	b = append(b, r.op...)
	b = append(b, make([]byte, 72-len(b))...)
	b = append(b, r.object...)
	if r.behind != "" {
		b = append(append(b, 0), r.behind...)
	}
	return append(b, make([]byte, replySize-len(b))...)
}

// A reply may come from whoever has got hold of the payload. What is believed of it says the same again, and its error
// cannot control a terminal.
func FuzzReply(f *testing.F) {
	for _, r := range []reply{
		{kind: replyReady, stage: StagePayload, op: "ready"},
		{kind: replyCloned, stage: Stage0, op: "clone", pid: 4711},
		{kind: replyError, stage: Stage1, op: "join", typ: ns.Net | ns.User, errno: 1},
		{kind: replyError, stage: Stage0, op: "read request", errno: 71, detail: 6, object: "\x1b[2J"},
		{kind: replyError, stage: StagePayload, op: "exec", errno: 2, detail: 1, object: "/no/such\nprogram"},
		{kind: replyError, stage: StagePayload, op: "exec"},
	} {
		f.Add(r.encode())
	}
	f.Add(bytes.Repeat([]byte{0xff}, replySize))
	f.Fuzz(func(t *testing.T, message []byte) {
		r, err := parseReply(message)
		if err != nil {
			checkText(t, err.Error())
			return
		}
		if len(message) != replySize || r.pid < 0 || r.stage < Stage0 || r.stage > StageLauncher {
			t.Fatalf("%d bytes are %+v", len(message), r)
		}
		if again, err := parseReply(r.encode()); err != nil || again != r {
			t.Fatalf("%+v is %+v once more (%v)", r, again, err)
		}
		checkText(t, r.failure().Error())
		checkText(t, r.op)
	})
}

// checkText: a text has something to say, and nothing to a terminal.
func checkText(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "uccess") {
		t.Fatalf("%q is no failure", text)
	}
	for _, r := range text {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			t.Fatalf("%q has a control character", text)
		}
	}
}
