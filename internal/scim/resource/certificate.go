package resource

import (
	"encoding/asn1"

	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// severalCertificates reports whether a binary value contains more than one
// X.509 certificate: one after the other, in a sequence, or in a PKCS #7
// bundle. A value that is not a certificate is not examined. RFC 7643 §4.1.2
func severalCertificates(s string) bool {
	der, err := schema.DecodeBase64(s)
	if err != nil {
		return false
	}
	list := elementsOf(der)
	if len(list) == 1 && list[0].Tag == asn1.TagSequence && !isCertificate(list[0]) {
		list = elementsOf(list[0].Bytes)
		if len(list) == 2 && list[0].Tag == asn1.TagOID && string(list[0].Bytes) == signedData {
			return true
		}
		// A sequence of one certificate has the wrong form as well.
		return len(list) > 0 && isCertificate(list[0])
	}
	return len(list) > 1 && isCertificate(list[0])
}

// signedData is the encoded object identifier 1.2.840.113549.1.7.2, which
// certificate bundles have.
const signedData = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"

// isCertificate reports whether an element has the form of a certificate: the
// signed part, the algorithm, the signature. RFC 5280 §4.1
func isCertificate(v asn1.RawValue) bool {
	parts := elementsOf(v.Bytes)
	return v.Tag == asn1.TagSequence && len(parts) == 3 && parts[0].Tag == asn1.TagSequence &&
		parts[1].Tag == asn1.TagSequence && parts[2].Tag == asn1.TagBitString
}

// elementsOf returns the elements of a concatenation, none if the bytes are not
// one. Their contents are not decoded.
func elementsOf(der []byte) []asn1.RawValue {
	var all []asn1.RawValue
	for len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			return nil
		}
		all, der = append(all, v), rest
	}
	return all
}
