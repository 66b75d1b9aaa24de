package logline

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

type inner struct {
	Second int `log:"second,always"`
}

func TestFields_AreThoseOfTheStructInItsOrder(t *testing.T) {
	type name string
	type line struct {
		First string `log:"first"`
		inner
		Third    name          `log:"third"`
		Fourth   []string      `log:"fourth"`
		Fifth    time.Duration `log:"fifth"`
		Sixth    error         `log:"sixth"`
		Seventh  bool          `log:"seventh"`
		Eighth   float64       `log:"eighth,always"`
		Unlogged string
		private  string
	}
	for _, c := range []struct {
		of   line
		want string
	}{
		{line{Fourth: []string{}, Unlogged: "x", private: "x"}, `"second":0,"eighth":0}`},
		{
			line{"a", inner{2}, "c", []string{"d", "e"}, 1500 * time.Microsecond, errors.New("g"), true, 0.5, "x", "x"},
			`"first":"a","second":2,"third":"c","fourth":"d,e","fifth":1.5,"sixth":"g","seventh":true,"eighth":0.5}`,
		},
	} {
		var log bytes.Buffer
		New(&log).LogAttrs(t.Context(), 0, "m", Fields(&c.of)...)
		_, got, _ := strings.Cut(log.String(), `"message":"m",`)
		assert.Equalf(t, c.want, strings.TrimSpace(got), "%+v is logged as %s, want %s", c.of, got, c.want)
	}
}
