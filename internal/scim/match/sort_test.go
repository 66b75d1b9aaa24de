package match

import (
	"cmp"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// Covers: 7644-3.4.2.3-1
func TestCompileSort_NamesWhatIsSortedBy(t *testing.T) {
	user := scimtest.UserType()
	tests := []struct {
		by, order string
		want      string
	}{
		{"userName", "", "userName"},
		{"USERNAME", "ASCENDING", "userName"},
		{"urn:ietf:params:scim:schemas:core:2.0:User:name.familyName", "descending", "name.familyName descending"},
		{"emails", "", "emails.value"},
		{"emails.type", "", "emails.type"},
		{"meta.lastModified", "", "meta.lastModified"},
		{scim.RollcallURN + ":isteamaccount", "", scim.RollcallURN + ":isTeamAccount"},
		{scim.EnterpriseURN + ":department", "", scim.EnterpriseURN + ":department"},
		{"isTeamAccount", "", scim.RollcallURN + ":isTeamAccount"},
	}
	for _, tt := range tests {
		s, err := CompileSort(user, nil, tt.by, tt.order)
		if err != nil {
			t.Errorf("%s: %v", tt.by, err)
			continue
		}
		assert.Equalf(t, tt.want, s.String(), "%s is %s, not %s", tt.by, s, tt.want)
	}
}

func TestCompileSort_RefusesWhatHasNoOrder(t *testing.T) {
	user, group := scimtest.UserType(), schema.GroupType()
	tests := []struct {
		rt        *schema.ResourceType
		by, order string
		want      scim.ErrorType
	}{
		{user, "nosuch", "", scim.InvalidValue},
		{user, "", "", scim.InvalidValue},
		{user, "name", "", scim.InvalidValue},
		{user, "meta", "", scim.InvalidValue},
		{user, "groups", "", scim.InvalidValue},
		{user, "groups.value", "", scim.InvalidValue},
		{group, "members", "", scim.InvalidValue},
		{group, "members.value", "", scim.InvalidValue},
		{group, "userName", "", scim.InvalidValue},
		{user, scim.EnterpriseURN, "", scim.InvalidValue},
		{user, "userName.value", "", scim.InvalidValue},
		{user, "isTeamAccount.value", "", scim.InvalidValue},
		{user, `emails[type eq "work"].value`, "", scim.InvalidValue},
		{user, "password", "", scim.Sensitive},
		{user, "userName", "up", scim.InvalidValue},
	}
	for _, tt := range tests {
		_, err := CompileSort(tt.rt, nil, tt.by, tt.order)
		var refused *scim.Error
		assert.Truef(t, errors.As(err, &refused) && refused.Type == tt.want && refused.Detail != "", "sort %s by %s %s: %v", tt.rt.Name, tt.by, tt.order, err)
	}
	for _, whole := range []string{scim.EnterpriseURN, scim.CoreUserURN, scim.CoreGroupURN} {
		_, err := CompileSort(user, []*schema.ResourceType{group}, whole, "")
		assert.ErrorIsf(t, err, errSortBySchema, "sort by %s", whole)
	}
}

// Covers: 7644-3.4.2.3-2, 7644-3.4.2.3-3
func TestSort_OrdersByTheSchema(t *testing.T) {
	user := scimtest.UserType()
	// Each list is in the ascending order, as JSON of users.
	tests := map[string][]string{
		"userName": {
			`{"userName":"Abel"}`, `{"userName":"abeL2"}`, `{"userName":"Zoe"}`, `{"userName":"Ábel"}`, `{"userName":"ωmega"}`, `{}`,
		},
		"externalId": {`{"externalId":"B"}`, `{"externalId":"a"}`, `{}`}, // case exact
		"active":     {`{"active":false}`, `{"active":true}`, `{}`},
		"emails": {
			`{"emails":[{"value":"z@x"},{"value":"a@x","primary":true}]}`,
			`{"emails":[{"value":"b@x"},{"value":"a@x"}]}`, `{"emails":[]}`,
		},
		"name.familyName": {
			`{"name":{"familyName":"a"}}`, `{"name":{"familyName":"B"}}`, `{"name":{"givenName":"a"}}`,
		},
		"meta.created": {
			`{"meta":{"created":"2024-01-01T00:00:00Z"}}`, `{"meta":{"created":"2024-01-01T01:00:00+00:30"}}`,
			`{"meta":{"created":"2024-01-01T00:30:00.001Z"}}`, `{}`,
		},
		scim.EnterpriseURN + ":department": {
			`{"` + scim.EnterpriseURN + `":{"department":"a"}}`, `{"` + scim.EnterpriseURN + `":{"department":"b"}}`, `{"userName":"x"}`,
		},
	}
	for by, want := range tests {
		s, err := CompileSort(user, nil, by, "")
		require.NoError(t, err)
		keys := make([]string, len(want))
		for i, document := range want {
			r, err := scim.DecodeStored([]byte(document))
			require.NoError(t, err)
			keys[i] = s.Key(r)
		}
		for i := 1; i < len(keys); i++ {
			assert.Truef(t, keys[i-1] < keys[i], "%s: %s is not before %s", by, want[i-1], want[i])
		}
	}
}

func TestSort_HasNoValueOfAnotherType(t *testing.T) {
	s, err := CompileSort(schema.GroupType(), []*schema.ResourceType{scimtest.UserType()}, "userName", "")
	require.NoError(t, err)
	assert.Equal(t, s.Key(scim.Resource{"userName": "b"}), s.Key(scim.Resource{"displayName": "a"}))
}

func TestNumberKey_IsInTheOrderOfTheNumbers(t *testing.T) {
	numbers := []string{
		"-1e308", "-9007199254740993", "-9007199254740992", "-10", "-9.5", "-9", "-1.01", "-1", "-0.1", "-0.01", "-1e-308",
		"0", "1e-308", "0.01", "0.1", "0.11", "1", "1.01", "2", "9", "9.5", "10", "11", "100",
		"9007199254740992", "9007199254740993", "9007199254740993.5", "1e308",
	}
	for i := 1; i < len(numbers); i++ {
		a, b := rat(t, numbers[i-1]), rat(t, numbers[i])
		if numberKey(a) >= numberKey(b) {
			t.Errorf("%s (%.40q) is not before %s (%.40q)", numbers[i-1], numberKey(a), numbers[i], numberKey(b))
		}
	}
	for _, same := range [][2]string{{"1", "1.0"}, {"100", "1e2"}, {"-0.5", "-5e-1"}, {"0", "-0"}} {
		assert.Equalf(t, numberKey(rat(t, same[1])), numberKey(rat(t, same[0])), "%s and %s differ", same[0], same[1])
	}
}

func TestNumberKey_AnyNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := make([]string, 2)
		var keys [2]string
		var values [2]*big.Rat
		for i := range texts {
			texts[i] = strconv.FormatInt(rapid.Int64().Draw(t, "n"), 10) + "e" + strconv.Itoa(rapid.IntRange(-40, 40).Draw(t, "e"))
			values[i], _ = number(texts[i])
			keys[i] = numberKey(values[i])
		}
		require.Equalf(t, values[0].Cmp(values[1]), cmp.Compare(keys[0], keys[1]), "%s against %s", texts[0], texts[1])
	})
}

func TestInstantKey_IsInTheOrderOfTime(t *testing.T) {
	times := []time.Time{
		time.Date(-1, 12, 31, 23, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999, time.UTC),
		time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(2026, 1, 1, 0, 0, 0, 2, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	keys := make([]string, len(times))
	for i, at := range times {
		keys[i] = instantKey(at)
	}
	assert.Truef(t, slices.IsSorted(keys), "%q", keys)
}

func rat(t *testing.T, text string) *big.Rat {
	t.Helper()
	n, ok := number(text)
	require.Truef(t, ok, "%s is no number", text)
	return n
}
