package mirror_test

import (
	"context"
	"database/sql"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/rollcall-scim/rollcall/mirror"
)

// An application that receives events, reads the list every minute, and compares everything
// once a night.
func Example() {
	ctx := context.Background()
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	store, err := mirror.NewSQL(ctx, db, mirror.PostgreSQL)
	if err != nil {
		log.Fatal(err)
	}
	puller := &mirror.Puller{
		API:   &mirror.API{URL: os.Getenv("ROLLCALL_ADMIN_URL"), Authorize: mirror.Bearer(os.Getenv("ROLLCALL_ADMIN_TOKEN"))},
		Store: store, Tenant: "acme",
	}
	go func() { _ = puller.Follow(ctx, time.Minute, func(err error) { log.Print(err) }) }()
	go func() {
		for range time.Tick(24 * time.Hour) {
			report, err := puller.Reconcile(ctx)
			log.Print(report.Differences, err)
		}
	}()
	http.Handle("POST /webhooks", &mirror.Handler{Store: store, Secrets: mirror.FixedSecrets(os.Getenv("WEBHOOK_SECRET"))})
	log.Fatal(http.ListenAndServe(":3000", nil))
}

// The admin API of a deployment takes requests that are signed for AWS.
func ExampleAPI_aws() {
	var configuration aws.Config // config.LoadDefaultConfig of aws-sdk-go-v2
	signer := v4.NewSigner()
	const ofNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of the empty body
	api := &mirror.API{
		URL: "https://abc.execute-api.eu-central-1.amazonaws.com/admin/v1",
		Authorize: func(r *http.Request) error {
			credentials, err := configuration.Credentials.Retrieve(r.Context())
			if err != nil {
				return err
			}
			return signer.SignHTTP(r.Context(), credentials, r, ofNothing, "execute-api", configuration.Region, time.Now())
		},
	}
	puller := &mirror.Puller{API: api, Store: &mirror.Memory{}, Tenant: "acme"}
	log.Print(puller.Pull(context.Background()))
}
