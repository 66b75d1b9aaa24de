package match

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/scim/filter"
	"github.com/rollcall-scim/rollcall/internal/scim/fold"
)

// Two spellings of one domain are one address, and parts of either match it.
func TestFold_PartsOfDomains(t *testing.T) {
	for _, value := range []string{"a@xn--bcher-kva.example", "A@BÜCHER.example", "a@bücher\u3002example"} {
		for _, tt := range []struct {
			op   filter.Op
			part string
			want bool
		}{
			{filter.Co, "xn--bcher-kva.ex", true},
			{filter.Co, "bücher\u3002ex", true},
			{filter.Ew, "XN--BCHER-KVA.example", true},
			{filter.Ew, "@bücher.example", true},
			{filter.Sw, "a@xn--bcher-kva", true},
			{filter.Sw, "a@bücher\u3002", true},
			{filter.Sw, "a@xn--bch", false},
			{filter.Eq, "a@xn--bcher-kva.example.", true},
			{filter.Co, "bucher", false},
		} {
			assert.Equalf(t, tt.want, foldedTest(tt.op, tt.part, &fold.Memo{})(value), "%q %v %q", value, tt.op, tt.part)
		}
	}
}
