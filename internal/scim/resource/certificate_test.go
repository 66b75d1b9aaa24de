package resource

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// Covers: 7643-4.1.2-10
func TestDecodeResource_TakesOneCertificateInAValue(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	one, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	require.NoError(t, err)
	sequence := func(contents []byte) []byte {
		b, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: contents})
		require.NoError(t, err)
		return b
	}
	bundle := sequence(slices.Concat([]byte{asn1.TagOID, byte(len(signedData))}, []byte(signedData), sequence(one)))
	for name, tt := range map[string]struct {
		value    []byte
		accepted bool
	}{
		"one":                          {one, true},
		"none":                         {[]byte("no certificate"), true},
		"other DER":                    {sequence(sequence([]byte{2, 1, 1})), true},
		"two, one behind the other":    {slices.Concat(one, one), false},
		"a sequence of two":            {sequence(slices.Concat(one, one)), false},
		"a sequence of one":            {sequence(one), false},
		"a bundle of PKCS #7":          {bundle, false},
		"one that is cut":              {one[:len(one)-1], true},
		"one with something behind it": {slices.Concat(one, []byte{5, 0}), false},
	} {
		body := userBody(`"userName":"a@x","x509Certificates":[{"value":"` + base64.StdEncoding.EncodeToString(tt.value) + `"}]`)
		_, _, err := Decode(scimtest.UserType(), body)
		assert.Truef(t, tt.accepted == (err == nil) && (err == nil || strings.Contains(err.Error(), "more than one certificate")), "%s: %v", name, err)
	}
}
