package web

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/logline"
)

func TestEvent_IsOneLineWhoseLevelFollowsTheStatus(t *testing.T) {
	type event struct {
		Event
		Cause string `log:"cause"`
	}
	for _, c := range []struct {
		method, cause string
		status        int
		warned        bool
		want          string
	}{
		{"GET", "", 200, false, `INFO "event":"x.request","requestId":"id","method":"GET","status":200,"durationMs":2}`},
		{"PATCH", "tolerated", 200, true, `WARN "event":"x.request","requestId":"id","method":"PATCH","status":200,"durationMs":2,"cause":"tolerated"}`},
		{"STEAL", "", 404, false, `WARN "event":"x.request","requestId":"id","method":"other","status":404,"durationMs":2}`},
		{"GET", "", 500, true, `ERROR "event":"x.request","requestId":"id","method":"GET","status":500,"durationMs":2}`},
		{"GET", "", 501, true, `WARN "event":"x.request","requestId":"id","method":"GET","status":501,"durationMs":2}`},
	} {
		var log bytes.Buffer
		start := time.Now()
		e := event{NewEvent("x.request", "id", c.method, start), c.cause}
		e.Finish(c.status, start.Add(2*time.Millisecond))
		e.Log(t.Context(), logline.New(&log), c.warned, &e)
		_, level, _ := strings.Cut(log.String(), `"level":"`)
		level, rest, _ := strings.Cut(level, `"`)
		_, fields, _ := strings.Cut(rest, `,`)
		assert.Equal(t, c.want, level+" "+strings.TrimSpace(fields))
	}
}
