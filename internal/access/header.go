package access

import (
	"errors"
	"strings"
	"unicode"
)

const bearer = "Bearer"

// parseHeader returns the token of an Authorization header. Its error is as
// specific as the form of the header allows, because an administrator has
// pasted it into a field of an identity provider. RFC 6750 §2.1
func parseHeader(header string) (Token, error) {
	scheme, text, spaced := strings.Cut(header, " ")
	switch {
	case strings.EqualFold(scheme, bearer):
	case strings.HasPrefix(strings.ToLower(header), strings.ToLower(bearer)+":"):
		return Token{}, ErrColon
	case strings.IndexFunc(header, isQuote) == 0 && beginsWithBearer(strings.TrimLeftFunc(header, isQuote)):
		return Token{}, ErrQuoted
	case !spaced && isToken(scheme):
		return Token{}, ErrNoScheme
	default:
		return Token{}, notBearer(header, spaced)
	}
	text = strings.TrimLeft(text, " ") // RFC 9110 §11.4: one space or more
	if text == "" {
		return Token{}, ErrEmpty
	}
	token, err := parseCredential(text)
	if err != nil {
		return Token{}, malformed(text)
	}
	return token, nil
}

// parseCredential parses a static token or an access token.
func parseCredential(text string) (Token, error) {
	if strings.HasPrefix(text, AccessPrefix+"_") {
		return parseAccess(text)
	}
	return Parse(text)
}

// malformed returns why a credential is not a token. It says what was found,
// and never whether the rest would be a known token.
func malformed(text string) error {
	lower := strings.ToLower(text)
	switch {
	case strings.HasPrefix(lower, "basic "), strings.HasPrefix(lower, "ssws "), strings.HasPrefix(lower, "authorization:"):
		return foreign(text)
	case beginsWithBearer(strings.TrimLeftFunc(text, func(r rune) bool { return isQuote(r) || isSpace(r) })):
		return ErrTwice
	case strings.ContainsFunc(text, isQuote):
		return ErrQuoted
	case strings.ContainsFunc(text, isSpace), strings.Contains(text, `\n`), strings.Contains(text, `\r`), strings.Contains(text, "%20"), strings.Contains(text, "%0"):
		return ErrSpaced
	}
	return foreign(text)
}

// notBearer returns what a header without the scheme Bearer is.
func notBearer(header string, spaced bool) error {
	err := foreign(header)
	switch {
	case errors.Is(err, ErrBasic), errors.Is(err, ErrOktaToken), errors.Is(err, ErrHeaderName):
		return err
	case !spaced && !errors.Is(err, ErrForeign):
		return err // the value was entered as the whole header
	}
	return ErrNotBearer
}

func isToken(text string) bool {
	_, err := parseCredential(text)
	return err == nil
}

// beginsWithBearer reports whether the first word of a text is Bearer.
func beginsWithBearer(text string) bool {
	return len(text) >= len(bearer) && strings.EqualFold(text[:len(bearer)], bearer) &&
		strings.IndexFunc(text[len(bearer):], unicode.IsLetter) != 0
}

// isQuote reports whether a character encloses text: straight and typographic
// quotes, and brackets.
func isQuote(r rune) bool {
	return strings.ContainsRune("\"'`<>[]{}()", r) || unicode.In(r, unicode.Pi, unicode.Pf, unicode.Ps, unicode.Pe)
}

// isSpace reports whether a character is a space, a line break or invisible.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}
