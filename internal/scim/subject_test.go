package scim

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSubject_IsFoundInWrongBodies(t *testing.T) {
	long := strings.Repeat("x", 500)
	for body, want := range map[string][2]string{
		`{"userName":"a@x","externalId":"e","name":"not an object"}`: {"a@x", "e"},
		`{"USERNAME":"a@x","emails":7}`:                              {"a@x", ""},
		`{"externalId":"e","emails":[7,{"value":"m@x"}]}`:            {"m@x", "e"},
		`{"userName":7,"externalId":7}`:                              {"", ""},
		`{"userName":"` + long + `"}`:                                {long[:128], ""},
		`[]`:                                                         {"", ""},
		`{"userName":"a@x"`:                                          {"", ""},
		``:                                                           {"", ""},
	} {
		name, id := Subject([]byte(body))
		assert.Truef(t, name == want[0] && id == want[1], "Subject(%.60s) = %q, %q; want %q", body, name, id, want)
	}
}
