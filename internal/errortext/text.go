package errortext

import (
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/credential"
)

// MaxText is the longest text that is read, in bytes: many times the longest error.
const MaxText = 64 << 10

// Clean returns the part of a pasted text that is worth reading, of at most MaxText
// bytes and valid UTF-8, with our credentials replaced; redacted reports whether one
// was in it. Of a longer text the part that ends in the request id stays, else the
// beginning.
func Clean(pasted string) (text string, redacted bool) {
	text = credential.Redact(strings.ToValidUTF8(pasted, " "))
	redacted = credential.In(pasted)
	if len(text) <= MaxText {
		return text, redacted
	}
	if all := requestMarks.get().FindAllStringIndex(text, -1); len(all) > 0 {
		end := all[len(all)-1][1]
		text = text[max(0, end-MaxText):end]
	} else {
		text = text[:MaxText]
	}
	// The cut may be within a character.
	return strings.ToValidUTF8(text, ""), redacted
}

// An expression is a regular expression that is compiled when it is first used.
// Every function links this package, and only an explanation uses it: compiled
// at the start, the expressions below would take a fifth of it. Without code that
// runs at the start, the linker leaves all of this out of the other functions.
type expression struct {
	source   string
	once     sync.Once
	compiled *regexp.Regexp
}

// get returns the compiled expression.
func (e *expression) get() *regexp.Regexp {
	e.once.Do(func() { e.compiled = regexp.MustCompile(e.source) })
	return e.compiled
}

// Request ids, where a text names one as such.
var (
	// An id that is wrapped has white space in it.
	requestMarks = expression{source: `(?i)\(\s*request\s+([0-9a-f\s-]{36,400})\)`}
	requestNames = expression{source: `(?i)(?:x-request-id|"?request_?id"?)\W{1,5}([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b`}
	requestAlone = expression{source: `(?i)^\W*(?:(?:request\s+)?id\W+|request\W+)?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\W*$`}
	requestCut   = expression{source: `(?i)\(\s*request\s+([0-9a-f][0-9a-f-]*)[\s.…"'}\]\\]*$`}
	anyID        = expression{source: `(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b`}
	tags         = expression{source: `(?i)</?(?:br|p|div|span|li|ul|td|tr|b|i|pre|code)\b[^<>]{0,200}>`}
	statusMember = expression{source: `(?i)"?status"?\s*:\s*"?([1-5][0-9]{2})\b`}
	statusNumber = expression{source: `(?i)(?:\bhttp(?:/[0-9.]+)?|\bstatus(?:\s*code)?|\bcode|\berror)["'\s:=/(]{0,6}([45][0-9]{2})\b`}
	statusWord   = expression{source: `(?i)\bstatus\s*code["'\s:=]{1,6}([a-z]{4,30})\b`}
	numberWord   = expression{source: `\b([45][0-9]{2})\b\W{1,3}`}
	typeMember   = expression{source: `(?i)"?scimtype"?\s*:\s*"?([a-z]{3,30})\b`}
	addresses    = expression{source: `[^\s"'<>(),;:\[\]{}|=]+@[^\s"'<>(),;:\[\]{}|=]+`}
	quotedNames  = expression{source: `(?i)\b(?:user|group|username)\s+["']([^"']{1,256})["']`}
	entraCodes   = expression{source: `(?i)\bSystemForCrossDomainIdentityManagement[a-z]{1,60}`}
	oktaNames    = expression{source: `(?i)\b(?:provisioning of user|(?:creating|updating|reactivating|deactivating|importing) user|verifying if user) (\S{1,256})`}
)

// RequestID returns the id that a text names as a request's, or "" if there is none:
// that of the detail's end "(request …)", of the header X-Request-Id or of a member
// requestId, or the id that is the whole text. Ids of users and groups are not taken
// for one.
func RequestID(text string) string {
	plain := decode(text)
	for _, form := range []*expression{&requestMarks, &requestNames, &requestAlone} {
		all := form.get().FindAllStringSubmatch(plain, -1)
		for _, found := range slices.Backward(all) {
			if id := joined(found[1]); wholeID.get().MatchString(id) {
				return id
			}
		}
	}
	return ""
}

var wholeID = expression{source: `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`}

// joined returns an id without the white space of wrapped lines.
func joined(id string) string {
	return strings.ToLower(strings.Join(strings.Fields(id), ""))
}

// Text is a pasted text, ready to be compared.
type Text struct {
	// RequestID is the id that the text names as the request's, and CutID the
	// beginning of an id that is cut off, or "" if there is none.
	RequestID, CutID string
	// IDs are other ids in it that have the form of a request's.
	IDs []string
	// Status is the HTTP status that it shows, or 0 if there is none, and ScimType
	// the scimType.
	Status   int
	ScimType string
	// Names are the subjects that it seems to name, in its own letters.
	Names []string
	// IdP is the identity provider whose words it has: okta, entra, onelogin, or "".
	IdP string
	// Code is Entra's error code, or "" if there is none.
	Code string
	// Unreached reports that the identity provider got no answer.
	Unreached bool

	plain, lower string
	// parts are the letters and digits of the text between places where something is
	// cut off; whole are those of all of it.
	parts []string
	whole string
}

// The bounds of what is taken from a text. Of more parts the first and the last stay.
const (
	maxIDs   = 25
	maxNames = 3
	maxParts = 8
)

// Parse reads a text.
func Parse(text string) Text {
	plain := decode(text)
	t := Text{RequestID: RequestID(text), plain: plain, whole: Letters(plain), IdP: provider(plain)}
	if t.RequestID == "" {
		if found := requestCut.get().FindStringSubmatch(strings.TrimSpace(plain)); found != nil {
			t.CutID = strings.ToLower(found[1])
		}
	}
	for _, id := range anyID.get().FindAllString(plain, -1) {
		if id = strings.ToLower(id); id != t.RequestID && !slices.Contains(t.IDs, id) && len(t.IDs) < maxIDs {
			t.IDs = append(t.IDs, id)
		}
	}
	for _, part := range ellipses.get().Split(plain, -1) {
		if letters := Letters(part); letters != "" {
			t.parts = append(t.parts, letters)
		}
	}
	if len(t.parts) > maxParts {
		t.parts = append(t.parts[:maxParts/2:maxParts/2], t.parts[len(t.parts)-maxParts/2:]...)
	}
	t.Status = status(plain)
	if found := typeMember.get().FindStringSubmatch(plain); found != nil {
		t.ScimType = found[1]
	}
	t.Names, t.Code = names(plain), entraCodes.get().FindString(plain)
	t.lower = strings.ToLower(plain)
	t.Unreached = slices.ContainsFunc(unreached, func(words string) bool { return strings.Contains(t.lower, words) })
	return t
}

var ellipses = expression{source: `…|\.\.\.`}

// unreached are words of errors without an answer.
var unreached = []string{
	"connection refused", "connection timed out", "connect timed out", "read timed out", "unknownhostexception", "unknown host",
	"name or service not known", "no such host", "could not be resolved", "sslhandshakeexception", "handshake_failure",
	"unable to connect to the remote server", "connection reset",
}

// Contains reports whether the text has the letters and digits of another one, in
// their order and without anything between.
func (t Text) Contains(words string) bool {
	letters := Letters(decode(words))
	return letters != "" && strings.Contains(t.whole, letters)
}

// CutOff returns how many letters and digits of another text stand at a place where
// this one is cut off: its beginning before the end of a part, or its end after the
// beginning of one.
func (t Text) CutOff(words string) int {
	letters := Letters(decode(words))
	most := 0
	for _, part := range t.parts {
		most = max(most, overlap(part, letters), overlap(letters, part))
	}
	return most
}

// overlap returns the length of the longest end of one text that another begins with.
func overlap(first, second string) int {
	for n := min(len(first), len(second)); n > 0; n-- {
		if strings.HasSuffix(first, second[:n]) {
			return n
		}
	}
	return 0
}

// HasName reports whether the text has a name as a word of its own.
func (t Text) HasName(name string) bool {
	name = strings.ToLower(strings.TrimSpace(decode(name)))
	if utf8.RuneCountInString(name) < 3 {
		return false
	}
	lower := t.lower
	for from := 0; ; {
		at := strings.Index(lower[from:], name)
		if at < 0 {
			return false
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(lower[:at])
		after, _ := utf8.DecodeRuneInString(lower[at+len(name):])
		if after == '.' { // the end of a sentence, or of a label of a domain
			after, _ = utf8.DecodeRuneInString(lower[at+len(name)+1:])
		}
		if !inName(before) && !inName(after) {
			return true
		}
		from = at + 1
	}
}

// inName reports whether a character can be part of a name.
func inName(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("@_-+", r))
}

// Letters returns the letters and digits of a text in lower case: what stays the same
// when it is wrapped, escaped, or set with other quotes.
func Letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// maxDecoded is how many times a text may be escaped: JSON in JSON in HTML, and once
// more.
const maxDecoded = 4

// decode takes the escapes of HTML and JSON out of a text, however often it is
// escaped, and makes typographic quotes plain.
func decode(text string) string {
	for range maxDecoded {
		next := unescapeJSON(html.UnescapeString(text))
		if next == text {
			break
		}
		text = next
	}
	return quotes.Replace(tags.get().ReplaceAllString(text, " "))
}

var quotes = strings.NewReplacer(
	"“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`, "‘", "'", "’", "'", "‚", "'", "′", "'", "″", `"`,
	"\u00a0", " ", "\u202f", " ", "\u2011", "-", "\u2010", "-", "\u00ad", "", "\u200b", "", "\ufeff", "",
)

// unescapeJSON takes one layer of JSON's escapes out of a text that need not be JSON.
func unescapeJSON(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		switch text[i+1] {
		case '"', '\'', '\\', '/':
			b.WriteByte(text[i+1])
			i++
		case 'n', 'r', 't':
			b.WriteByte(' ')
			i++
		case 'u':
			r, size := unicodeEscape(text[i:])
			if size == 0 {
				b.WriteByte('\\')
				continue
			}
			b.WriteRune(r)
			i += size - 1
		default:
			b.WriteByte('\\')
		}
	}
	return b.String()
}

// unicodeEscape reads \uXXXX, or two of them for one character; size is 0 if there
// is none.
func unicodeEscape(text string) (r rune, size int) {
	read := func(s string) (rune, bool) {
		if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
			return 0, false
		}
		n, err := strconv.ParseUint(s[2:6], 16, 16)
		return rune(n), err == nil
	}
	first, ok := read(text)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(first) {
		if second, ok := read(text[6:]); ok {
			return utf16.DecodeRune(first, second), 12
		}
	}
	return first, 6
}

// provider returns the identity provider whose words a text has, or "" if none is
// recognized.
func provider(plain string) string {
	lower := strings.ToLower(plain)
	for _, known := range providers {
		if slices.ContainsFunc(known.words, func(words string) bool { return strings.Contains(lower, words) }) {
			return known.name
		}
	}
	return ""
}

var providers = []struct {
	name  string
	words []string
}{
	{"entra", []string{
		"systemforcrossdomainidentitymanagement", "customappsso", "failed to create user '", "failed to update user '", "failed to create group '",
		"failed to update group '", "processing of the http request resulted in an exception", "unexpected response from your application",
		"this operation was retried", "azure active directory", "microsoft entra", "received response from web resource",
	}},
	{"onelogin", []string{"onelogin"}},
	{"okta", []string{"automatic provisioning of user", "errors reported by remote server", "okta", "error while creating user", "error while verifying if user", "error authenticating"}},
}

// names returns the subjects that a text seems to name.
func names(plain string) []string {
	var list []string
	add := func(name string) {
		name = strings.Trim(name, ` .,;:"'`)
		if name != "" && len(list) < maxNames && !slices.ContainsFunc(list, func(known string) bool { return strings.EqualFold(known, name) }) {
			list = append(list, name)
		}
	}
	for _, form := range []*expression{&quotedNames, &oktaNames} {
		for _, found := range form.get().FindAllStringSubmatch(plain, 8) {
			add(found[1])
		}
	}
	for _, found := range addresses.get().FindAllString(plain, 8) {
		add(found)
	}
	return list
}

// status returns the HTTP status that a text shows, or 0 if there is none.
func status(plain string) int {
	for _, form := range []*expression{&statusMember, &statusNumber} {
		if found := form.get().FindStringSubmatch(plain); found != nil {
			n, _ := strconv.Atoi(found[1])
			return n
		}
	}
	if found := statusWord.get().FindStringSubmatch(plain); found != nil {
		for n, name := range statusNames {
			if Letters(name) == Letters(found[1]) {
				return n
			}
		}
	}
	for _, at := range numberWord.get().FindAllStringSubmatchIndex(plain, 8) {
		n, _ := strconv.Atoi(plain[at[2]:at[3]])
		if name := Letters(StatusName(n)); name != "" && strings.HasPrefix(Letters(plain[at[1]:min(len(plain), at[1]+64)]), name) {
			return n
		}
	}
	if n, err := strconv.Atoi(strings.Trim(plain, " .\"'\n\r\t")); err == nil && n >= 400 && n < 600 {
		return n
	}
	for i := range statusPhrases {
		if statusPhrases[i].form.get().MatchString(plain) {
			return statusPhrases[i].status
		}
	}
	return 0
}

// StatusName returns the name of an HTTP status of an error, "" for one without.
func StatusName(status int) string { return statusNames[status] }

// statusNames are the names of the statuses that identity providers show.
var statusNames = map[int]string{
	400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
	408: "Request Timeout", 409: "Conflict", 410: "Gone", 412: "Precondition Failed", 413: "Request Entity Too Large", 414: "Request URI Too Long",
	415: "Unsupported Media Type", 422: "Unprocessable Entity", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}

// statusPhrases are words that stand for a status where no number does.
var statusPhrases = [...]struct {
	status int
	form   expression
}{
	{401, expression{source: `(?i)unauthori[sz]ed|error authenticating|authentication failed|authentication failure|invalid credentials|credentials? (?:used|are|is|were) \w* ?invalid|credentialvalidationunavailable`}},
	{429, expression{source: `(?i)too\s?many\s?requests|rate limit exceeded`}},
	{409, expression{source: `(?i):\s*conflict\b|\bconflict\.|entryconflict|^\W*conflict\W*$`}},
	{403, expression{source: `(?i)\bforbidden\b|insufficientrights`}},
	{404, expression{source: `(?i):\s*not found\b|^\W*not found\W*$|resource not found|invalidanchor`}},
	{405, expression{source: `(?i)method\s?not\s?allowed`}},
	{415, expression{source: `(?i)unsupported\s?media\s?type`}},
	{413, expression{source: `(?i)(?:payload|entity)\s?too\s?large`}},
	{412, expression{source: `(?i)precondition\s?failed`}},
	{400, expression{source: `(?i)bad\s?request`}},
	{502, expression{source: `(?i)bad\s?gateway`}},
	{504, expression{source: `(?i)gateway\s?time-?\s?out`}},
	{503, expression{source: `(?i)service\s?unavailable`}},
	{500, expression{source: `(?i)internal\s?server\s?error`}},
}
