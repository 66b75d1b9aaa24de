package mirror

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Tolerance is how far the time of a signature may be from now: a request that was recorded
// cannot be sent again later.
const Tolerance = 5 * time.Minute

// The headers of Standard Webhooks.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// Why a request is not accepted.
var (
	ErrNoSignature  = errors.New("mirror: the request has no webhook-id, webhook-timestamp or webhook-signature, or one that is malformed")
	ErrBadSignature = errors.New("mirror: no signature of the request was made with one of the secrets")
	ErrTime         = errors.New("mirror: the signature of the request is too old, or from the future")
)

// Verify returns nil if one of the secrets signed the request, at most Tolerance from now.
// Several secrets are accepted during a rotation. A secret is as rollcall shows it: whsec_ and
// the key in base64. https://www.standardwebhooks.com
func Verify(header http.Header, body []byte, secrets []string, now time.Time) error {
	id, timestamp := header.Get(headerID), header.Get(headerTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil || header.Get(headerSignature) == "" {
		return ErrNoSignature
	}
	if d := now.Sub(time.Unix(seconds, 0)); d > Tolerance || d < -Tolerance {
		return ErrTime
	}
	if len(secrets) == 0 {
		return errors.New("mirror: there is no secret to verify a signature with")
	}
	matches := false
	for i, secret := range secrets {
		key, err := decodeSecret(secret)
		if err != nil {
			return fmt.Errorf("mirror: secret %d of %d: %w", i+1, len(secrets), err)
		}
		want := sum(key, id, timestamp, body)
		for signature := range strings.FieldsSeq(header.Get(headerSignature)) {
			version, encoded, _ := strings.Cut(signature, ",")
			got, err := base64.StdEncoding.DecodeString(encoded)
			if version == "v1" && err == nil && hmac.Equal(got, want) {
				matches = true
			}
		}
	}
	if !matches {
		return ErrBadSignature
	}
	return nil
}

// Sign sets the headers of a webhook's request, signed with the secrets at a time.
func Sign(header http.Header, id string, body []byte, secrets []string, at time.Time) error {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		key, err := decodeSecret(secret)
		if err != nil {
			return fmt.Errorf("mirror: secret %d of %d: %w", i+1, len(secrets), err)
		}
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(sum(key, id, timestamp, body))
	}
	header.Set(headerID, id)
	header.Set(headerTimestamp, timestamp)
	header.Set(headerSignature, strings.Join(signatures, " "))
	return nil
}

func sum(key []byte, id, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(id + "." + timestamp + "."))
	_, _ = h.Write(body)
	return h.Sum(nil)
}

// decodeSecret returns the key of a secret. Its errors do not have the secret.
func decodeSecret(secret string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil, errors.New("it is not whsec_ and a key in base64")
	}
	return key, nil
}
