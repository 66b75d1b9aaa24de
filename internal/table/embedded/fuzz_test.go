package embedded

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// Any bytes are attributes or damage; attributes are encoded again as the same ones.
func FuzzDecodeAttributes(f *testing.F) {
	for _, a := range []table.Attributes{
		nil, {"a": table.Text("")}, {"doc": table.Text(`{"userName":"a"}`), "v": table.Number(-1), "ttl": table.Number(1 << 62)},
	} {
		encoded := encodeAttributes(a)
		f.Add(encoded)
		f.Add(encoded[:len(encoded)/2])
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := decodeAttributes(b)
		if err != nil {
			require.ErrorIs(t, err, errDamaged)
			return
		}
		again, err := decodeAttributes(encodeAttributes(a))
		require.NoError(t, err)
		assert.Equal(t, len(a), len(again))
		for name, value := range a {
			assert.Equal(t, value, again[name], name)
		}
	})
}
