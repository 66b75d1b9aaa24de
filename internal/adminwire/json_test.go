package adminwire

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Absent, null and empty members keep their meanings in both encoders.
func TestDocuments_ComeThroughWhole(t *testing.T) {
	at := time.Date(2026, 1, 5, 11, 9, 0, 1_500_000, time.FixedZone("east", 2*60*60))
	for want, document := range map[string]any{
		`{"id":"g","displayName":"","deletedAt":"2026-01-05T09:09:00.001Z","deletedBy":null}`: DeletedGroup{ID: "g", DeletedAt: &at},
		`{"id":"g","displayName":"","deletedAt":null,"deletedBy":"<ann>"}`:                    DeletedGroup{ID: "g", DeletedBy: "<ann>"},
		`{}`:                                  UserChange{},
		`{"displayName":"","protected":null}`: UserChange{DisplayName: Of(""), Protected: Optional[bool]{Set: true}},
		`{"delta":-1}`:                        Seats{Delta: -1},
		`{"limit":null}`:                      Seats{Limit: Optional[int64]{Set: true}},
		`{"used":1,"limit":2}`:                Seats{Used: new(int64(1)), Limit: Of[int64](2)},
		`{"tokens":[]}`:                       Tokens{},
		`{"from":"0001-01-01T00:00:00.000Z","to":"2026-01-05T09:09:00.001Z","causes":{"a":1,"b":2}}`: FailureSpan{To: at, Causes: map[string]int{"b": 2, "a": 1}},
	} {
		got, err := Marshal(document)
		assert.Truef(t, err == nil && string(got) == want, "%+v is %s, want %s (%v)", document, got, want, err)
		decoded := reflect.New(reflect.TypeOf(document))
		assert.NoErrorf(t, json.Unmarshal(got, decoded.Interface()), "%s", got)
		again, err := Marshal(decoded.Interface())
		assert.Truef(t, err == nil && string(again) == want, "%s is read as %s (%v)", want, again, err)
	}
}
