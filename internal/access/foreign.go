package access

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// The other credentials and texts that administrators enter in place of a token. They
// are recognized by their form alone: none of them is believed.
var forms = sync.OnceValue(func() (f struct{ guid, oktaToken, clientSecret *regexp.Regexp }) {
	f.guid = regexp.MustCompile(`(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	f.oktaToken = regexp.MustCompile(`^00[A-Za-z0-9_-]{40}$`)
	f.clientSecret = regexp.MustCompile(`^[A-Za-z0-9_.~-]{3}[78]Q~[A-Za-z0-9_.~-]{31,34}$`)
	return f
})

// maxForeign is how many bytes of a text are looked at.
const maxForeign = 8 << 10

// foreign returns the error that says what a text is, if it was sent in place of a token.
func foreign(text string) error {
	if len(text) > maxForeign {
		text = text[:maxForeign]
	}
	lower := strings.ToLower(text)
	switch f := forms(); {
	case strings.HasPrefix(lower, Prefix+"_"):
		return ErrCut
	case strings.HasPrefix(lower, AccessPrefix+"_"):
		return ErrAccessCut
	case strings.HasPrefix(lower, SecretPrefix+"_"):
		return ErrOwnSecret
	case strings.HasPrefix(lower, ClientPrefix+"_"):
		return ErrOwnClient
	case strings.HasPrefix(lower, "authorization"):
		return ErrHeaderName
	case strings.HasPrefix(lower, "basic "):
		return ErrBasic
	case strings.HasPrefix(lower, "ssws "+Prefix+"_"):
		return ErrNotBearer
	case strings.HasPrefix(lower, "ssws "), f.oktaToken.MatchString(text):
		return ErrOktaToken
	case strings.HasPrefix(lower, "https:"), strings.HasPrefix(lower, "http:"):
		return ErrURL
	case strings.HasPrefix(text, "eyJ") && strings.Count(text, ".") >= 2:
		return jwt(text)
	case f.guid.MatchString(text):
		return ErrGUID
	case f.clientSecret.MatchString(text):
		return ErrClientSecret
	case len(text) == idSize && isBase32(text):
		return ErrTokenID
	case strings.Trim(text, "*•●·….") == "":
		return ErrMasked
	}
	return ErrForeign
}

// entraHosts issue Entra's tokens, in each of its clouds.
var entraHosts = []string{
	"sts.windows.net", "login.microsoftonline.com", "login.windows.net", "login.microsoftonline.us", "sts.chinacloudapi.cn", "login.partner.microsoftonline.cn",
}

// jwt returns what a JSON Web Token is. Its signature is not checked: the issuer that it
// names only decides which advice is given.
func jwt(text string) error {
	_, rest, _ := strings.Cut(text, ".")
	payload, _, _ := strings.Cut(rest, ".")
	var claims struct {
		Issuer string `json:"iss"`
	}
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(payload, "="))
	if err != nil || json.Unmarshal(decoded, &claims) != nil {
		return ErrJWT
	}
	issuer, err := url.Parse(claims.Issuer)
	if err != nil {
		return ErrJWT
	}
	if slices.ContainsFunc(entraHosts, func(host string) bool { return strings.EqualFold(issuer.Hostname(), host) }) {
		return ErrEntra
	}
	return ErrJWT
}
