// Command oauthgo gets access tokens with golang.org/x/oauth2, and uses them. oauth.py sets the
// environment.
package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	passed, failed := 0, 0
	for name, flow := range map[string]func(context.Context) error{
		"client_secret_basic": secret(oauth2.AuthStyleInHeader),
		"client_secret_post":  secret(oauth2.AuthStyleInParams),
		"either":              secret(oauth2.AuthStyleAutoDetect),
		"private_key_jwt":     ownKeys,
		"federation": func(ctx context.Context) error {
			return asserted(ctx, os.Getenv("OAUTH_FEDERATED_CLIENT"), os.Getenv("OAUTH_FEDERATED_ASSERTION"))
		},
		"a wrong secret": wrongSecret,
	} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if err := flow(ctx); err != nil {
			failed++
			fmt.Println(name+":", err)
		} else {
			passed++
		}
		cancel()
	}
	fmt.Println(passed, "passed,", failed, "failed")
	if failed > 0 {
		os.Exit(1)
	}
}

func config() *clientcredentials.Config {
	return &clientcredentials.Config{
		ClientID: os.Getenv("OAUTH_CLIENT"), ClientSecret: os.Getenv("OAUTH_SECRET"), TokenURL: os.Getenv("OAUTH_ENDPOINT"),
	}
}

// use gets a token and lists users with it.
func use(ctx context.Context, c *clientcredentials.Config) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("OAUTH_SCIM")+"/Users?count=1", nil)
	if err != nil {
		return err
	}
	answer, err := c.Client(ctx).Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the SCIM request gets %s", answer.Status)
	}
	return nil
}

func secret(style oauth2.AuthStyle) func(context.Context) error {
	return func(ctx context.Context) error {
		c := config()
		c.AuthStyle = style
		return use(ctx, c)
	}
}

func wrongSecret(ctx context.Context) error {
	c := config()
	c.ClientSecret = "wrong"
	c.AuthStyle = oauth2.AuthStyleInHeader
	_, err := c.Token(ctx)
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" || refused.Response.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("a wrong secret: %w", err)
	}
	return nil
}

// asserted gets a token for an assertion.
func asserted(ctx context.Context, client, assertion string) error {
	c := config()
	c.ClientID, c.ClientSecret, c.AuthStyle = client, "", oauth2.AuthStyleInParams
	c.EndpointParams = url.Values{
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	}
	return use(ctx, c)
}

// ownKeys signs an assertion of the client.
func ownKeys(ctx context.Context) error {
	text, err := os.ReadFile(os.Getenv("OAUTH_KEY"))
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return errors.New("no key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return err
	}
	options := (&jose.SignerOptions{}).WithHeader("kid", os.Getenv("OAUTH_KEY_ID"))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, options)
	if err != nil {
		return err
	}
	client, now := os.Getenv("OAUTH_KEY_CLIENT"), time.Now()
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: client, Subject: client, Audience: jwt.Audience{os.Getenv("OAUTH_ENDPOINT")}, ID: fmt.Sprint(now.UnixNano()),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Serialize()
	if err != nil {
		return err
	}
	return asserted(ctx, client, assertion)
}
