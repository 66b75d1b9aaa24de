package console

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"
)

// A portalVisit is the visit of a session of the portal. What a page tells the next one is in
// cookies of the browser, sealed with a key of the session's cookie: nothing of it is stored, and
// every instance of the portal can read it.
type portalVisit struct {
	portal *Portal
	q      *request
	// cookie is that of the session, "" without one.
	cookie string
	guest  Guest
}

// formToken implements visit: only who has the cookie, which no script reads, can compute it.
func (v *portalVisit) formToken() string {
	if v.cookie == "" {
		return ""
	}
	return hex.EncodeToString(v.key("form"))
}

// isToken reports whether a form has the token of its session.
func isToken(own, sent string) bool {
	return own != "" && subtle.ConstantTimeCompare([]byte(own), []byte(sent)) == 1
}

// key returns a key of the session for a purpose.
func (v *portalVisit) key(purpose string) []byte {
	key, _ := hkdf.Key(sha256.New, []byte(v.cookie), nil, "rollcall portal "+purpose, sha256.Size) // the length is right
	return key
}

// The names of the cookies beside the session's, and how long they wait for the next page.
const (
	noticeCookie = "-notice"
	onceCookie   = "-once"
	noticeTime   = time.Minute
)

// storeNotice implements visit.
func (v *portalVisit) storeNotice(notice string) { v.seal(noticeCookie, []byte(notice), noticeTime) }

// takeNotice implements visit.
func (v *portalVisit) takeNotice() string { return string(v.take(noticeCookie)) }

// A sealedMinted is what is shown once, as the browser keeps it until then.
type sealedMinted struct {
	Tenant, ID, Label, Text, Endpoint, Replaces string
	Kind                                        mintedKind
	Expires                                     *time.Time
	At                                          time.Time
}

// keep implements visit.
func (v *portalVisit) keep(m minted) {
	sealed, _ := json.Marshal(sealedMinted{m.tenant, m.id, m.label, m.text, m.endpoint, m.replaces, m.kind, m.expires, v.portal.now()}) // it never fails
	v.seal(onceCookie, sealed, secretTime)
}

// shown implements visit.
func (v *portalVisit) shown(tenant string, kind mintedKind) *minted {
	var m sealedMinted
	if json.Unmarshal(v.take(onceCookie), &m) != nil || m.Tenant != tenant || m.Kind != kind || v.portal.now().Sub(m.At) >= secretTime {
		return nil
	}
	return &minted{tenant: m.Tenant, id: m.ID, label: m.Label, text: m.Text, kind: m.Kind, endpoint: m.Endpoint, replaces: m.Replaces, expires: m.Expires, at: m.At}
}

// seal gives the browser a cookie for the next page.
func (v *portalVisit) seal(name string, plain []byte, life time.Duration) {
	aead := v.aead(name)
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	sealed := aead.Seal(nonce, nonce, plain, nil)
	v.q.cookies = append(v.q.cookies, v.portal.newCookie(v.portal.cookie+name, base64.RawURLEncoding.EncodeToString(sealed), life))
}

// take returns what a cookie has for this page, and removes it; nil if there is none, or if it is
// not of this session.
func (v *portalVisit) take(name string) []byte {
	sealed, err := base64.RawURLEncoding.DecodeString(v.portal.sentCookie(v.q.Request, v.portal.cookie+name))
	if len(sealed) == 0 || len(v.cookie) == 0 {
		return nil
	}
	v.q.cookies = append(v.q.cookies, v.portal.newCookie(v.portal.cookie+name, "", 0))
	aead := v.aead(name)
	if err != nil || len(sealed) < aead.NonceSize() {
		return nil
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
	if err != nil {
		return nil
	}
	return plain
}

// aead returns what seals a cookie of the session.
func (v *portalVisit) aead(name string) cipher.AEAD {
	block, _ := aes.NewCipher(v.key("cookie" + name)) // the key has the right length
	sealed, _ := cipher.NewGCM(block)
	return sealed
}
