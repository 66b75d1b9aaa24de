package guide_test

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/guide"
	"github.com/rollcall-scim/rollcall/internal/idp"
)

func TestDocument_IsThePageOfEachProduct(t *testing.T) {
	for _, p := range guide.Products() {
		page, err := os.ReadFile("../../" + p.File())
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
		}
		want, err := guide.Document(p, page)
		require.NoError(t, err)
		assert.Truef(t, string(page) == string(want), "%s is out of date: make generate writes it", p.File())
	}
}

func TestDocument_NeedsTheLinesOfTheSteps(t *testing.T) {
	p, _, _ := guide.Find("okta")
	_, err := guide.Document(p, []byte("# Connect Okta\n"))
	assert.ErrorContains(t, err, "the page lacks the lines")
}

// each calls a function with each connection.
func each(t *testing.T, run func(t *testing.T, p guide.Product, c guide.Connection)) {
	t.Helper()
	for _, p := range guide.Products() {
		for _, c := range p.Connections {
			t.Run(c.ID, func(t *testing.T) { run(t, p, c) })
		}
	}
}

// A connection creates its credential once, before it enters it, and enters what the kind of
// credential has and nothing of another.
func TestConnections_EnterTheirCredential(t *testing.T) {
	takes := []guide.Kind{guide.Issuer, guide.Subject, guide.Audience, guide.KeysURL}
	oauth := []guide.Kind{guide.BaseURL, guide.TokenEndpoint, guide.ClientID}
	entered := map[guide.Credential][]guide.Kind{
		guide.StaticToken: {guide.BaseURL, guide.Token}, guide.ClientSecret: append(slices.Clone(oauth), guide.Secret),
		guide.ClientKey: oauth, guide.Federation: oauth,
	}
	each(t, func(t *testing.T, p guide.Product, c guide.Connection) {
		created, enters := 0, map[guide.Kind]bool{}
		for _, s := range c.Steps {
			assert.NotEmpty(t, s.Title)
			assert.NotEmpty(t, s.Text)
			if s.Create {
				created++
				assert.Emptyf(t, enters, "%s: values are entered before the credential is created", s.Title)
			}
			for _, v := range s.Enter {
				assert.NotEmpty(t, v.Field)
				assert.Equalf(t, v.Kind.Constant(), v.Text != "", "%s: a text is of a fixed value alone", v.Field)
				if !v.Kind.Constant() {
					enters[v.Kind] = true
				}
			}
			if len(s.Take) > 0 {
				var kinds []guide.Kind
				for _, v := range s.Take {
					kinds = append(kinds, v.Kind)
				}
				assert.Equal(t, takes, kinds)
				assert.Equal(t, guide.Federation, c.Credential)
			}
		}
		assert.Equal(t, 1, created, "the credential is created once")
		for _, kind := range entered[c.Credential] {
			assert.Truef(t, enters[kind], "nothing says where to enter %s", kind)
		}
		assert.Len(t, enters, len(entered[c.Credential]), "%v", enters)
		found, same, ok := guide.Find(c.ID)
		assert.True(t, ok)
		assert.Equal(t, p.ID, found.ID)
		assert.Equal(t, c.Name, same.Name)
		assert.Equal(t, len(p.Connections) > 1 || p.Provider == idp.Google, c.When != "", "when to choose it")
	})
	_, _, ok := guide.Find("nothing")
	assert.False(t, ok)
}

// Marks are in pairs, so that no page shows one.
func TestTexts_HaveMarksInPairs(t *testing.T) {
	check := func(text string) {
		for _, mark := range []string{"*", "`"} {
			assert.Zerof(t, strings.Count(text, mark)%2, "%q", text)
		}
		assert.NotContains(t, guide.Plain(text), "*")
		assert.NotContains(t, text, "rollcall", "the portal has another name")
	}
	for _, p := range guide.Products() {
		for _, c := range p.Connections {
			check(c.When)
			for _, s := range c.Steps {
				for _, text := range slices.Concat(s.Text, s.After) {
					check(text)
				}
			}
		}
		for _, text := range p.Expect {
			check(text)
		}
		for kind, text := range p.Tries {
			assert.Contains(t, guide.CheckKinds, kind)
			check(text)
		}
	}
	assert.Equal(t, []guide.Span{{Text: "On "}, {Text: "Access", Screen: true}, {Text: " enter "}, {Text: "x", Code: true}}, guide.Spans("On *Access* enter `x`"))
	assert.Equal(t, "On Access enter x.", guide.Plain("On *Access* enter `x`."))
}

// The service recognizes each product by the label of its credential.
func TestLabel_NamesTheProduct(t *testing.T) {
	for _, p := range guide.Products() {
		assert.Equalf(t, p.Provider, idp.FromLabel(p.Label()), "%q", p.Label())
	}
}

// The fields of credentials have the names that the advice about failures has.
func TestFields_AreThoseOfTheAdvice(t *testing.T) {
	about := map[guide.Kind]cause.Cause{guide.Token: cause.TokenMissing, guide.ClientID: cause.ClientUnknown, guide.Secret: cause.SecretUnknown}
	each(t, func(t *testing.T, p guide.Product, c guide.Connection) {
		if p.Provider == "" || p.Provider == idp.Okta { // the one has no screens, and the advice about the other names the tab alone
			return
		}
		for _, s := range c.Steps {
			for _, v := range s.Enter {
				if of := about[v.Kind]; of != "" {
					assert.Contains(t, of.Advice("", p.Provider), v.Field)
				}
			}
		}
	})
}

func TestGiven_Of(t *testing.T) {
	given := guide.Given{guide.BaseURL: "https://scim.example.com/scim/v2"}
	assert.Equal(t, "userName", given.Of(guide.Value{Kind: guide.Fixed, Text: "userName"}))
	assert.Equal(t, "https://scim.example.com/scim/v2?x", given.Of(guide.Value{Kind: guide.BaseURL, After: "?x"}))
	assert.Empty(t, given.Of(guide.Value{Kind: guide.Token, Before: "Bearer "}), "its credential is not created")
	assert.True(t, guide.Token.Once() && guide.Secret.Once() && !guide.ClientID.Once())
	assert.True(t, guide.Federation.OAuth() && !guide.StaticToken.OAuth())
}
