package scim

import (
	"encoding/asn1"
	"encoding/base64"
)

// severalCertificates tells whether a binary value holds more than one X.509
// certificate: one behind the other, in a sequence of them, or in a bundle of
// PKCS #7. What is no certificate at all is not looked into. RFC 7643 §4.1.2
func severalCertificates(s string) bool {
	der, err := base64.RawStdEncoding.DecodeString(plainBase64(s))
	if err != nil {
		return false
	}
	list := elementsOf(der)
	if len(list) == 1 && list[0].Tag == asn1.TagSequence && !isCertificate(list[0]) {
		list = elementsOf(list[0].Bytes)
		if len(list) == 2 && list[0].Tag == asn1.TagOID && string(list[0].Bytes) == signedData {
			return true
		}
		// A sequence of one certificate is in the wrong form as well.
		return len(list) > 0 && isCertificate(list[0])
	}
	return len(list) > 1 && isCertificate(list[0])
}

// signedData is the object identifier 1.2.840.113549.1.7.2, of which bundles of
// certificates are, as it is encoded.
const signedData = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"

// isCertificate tells whether an element has the form of a certificate: what is
// signed, the algorithm, the signature. RFC 5280 §4.1
func isCertificate(v asn1.RawValue) bool {
	parts := elementsOf(v.Bytes)
	return v.Tag == asn1.TagSequence && len(parts) == 3 && parts[0].Tag == asn1.TagSequence &&
		parts[1].Tag == asn1.TagSequence && parts[2].Tag == asn1.TagBitString
}

// elementsOf are the elements that stand one behind the other, none when the bytes
// are something else. Their contents are not looked into.
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
