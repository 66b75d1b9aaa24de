package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// startDynamoDB uses the DynamoDB at an endpoint, or starts DynamoDB Local.
func (s *session) startDynamoDB(ctx context.Context, endpoint string) error {
	if endpoint != "" {
		s.dynamodb = endpoint
		return nil
	}
	s.say("starting DynamoDB Local (scripts/dynamodb-local/run.sh)")
	if err := s.fetch(ctx, "scripts/dynamodb-local/run.sh", "--fetch"); err != nil {
		return err
	}
	cmd := s.command(context.WithoutCancel(ctx), "scripts/dynamodb-local/run.sh")
	var said log
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	line := make(chan string, 1)
	server, err := s.start(cmd)
	if err != nil {
		return err
	}
	go func() {
		text, _ := bufio.NewReader(out).ReadString('\n')
		line <- strings.TrimSpace(text)
	}()
	select {
	case s.dynamodb = <-line:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.dynamodb == "" {
		server.stop(ctx)
		return fmt.Errorf("DynamoDB Local did not start\n%s", said.last())
	}
	return nil
}

// openTable opens a table, and creates it if it does not exist. A temporary one
// is deleted at the end.
func (s *session) openTable(ctx context.Context, name string, temporary bool) error {
	client, err := dynamo.NewLocalClient(ctx, s.dynamodb)
	if err != nil {
		return fmt.Errorf("--dynamodb %s: %w", s.dynamodb, err)
	}
	reach, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := dynamo.CreateTable(reach, client, name); err != nil {
		return fmt.Errorf("no DynamoDB answers at %s: start it, or give another --dynamodb ENDPOINT (%w)", s.dynamodb, err)
	}
	if temporary {
		s.atEnd(func(ctx context.Context) {
			_, _ = client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name})
		})
	}
	s.table = dynamo.New(client, name)
	return nil
}

// temporaryTable returns a name that no other table has.
func temporaryTable() string { return "rollcall-sam-" + strings.ToLower(rand.Text()[:10]) }

// addTenant creates a tenant, unless it exists, and a token for it.
func (s *session) addTenant(ctx context.Context, name string, seats int64) (token string, err error) {
	t, err := tenant.ParseID(name)
	if err != nil {
		return "", usageError{fmt.Errorf("--tenant %q: %w", name, err)}
	}
	kept, now := app.NewStore(s.table, app.Options{}), time.Now()
	err = kept.CreateTenant(ctx, t, tenant.DefaultSettings(), seats, tenant.Unlimited, now)
	if err != nil && !errors.Is(err, store.ErrTenantExists) {
		return "", fmt.Errorf("the tenant %s cannot be created: %w", t, err)
	}
	token, record := access.Mint(t)
	record.Label, record.Created = "samlocal", now
	if err := kept.SaveToken(ctx, t, record); err != nil {
		return "", fmt.Errorf("the token cannot be saved: %w", err)
	}
	return token, nil
}

// hostName is the name of this machine in a container, by --add-host.
const hostName = "host.docker.internal"

// fromContainers returns an endpoint as the functions reach it: in a container
// 127.0.0.1 is the container itself.
func fromContainers(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", usageError{fmt.Errorf("--dynamodb %q: an endpoint looks like http://127.0.0.1:8000", endpoint)}
	}
	ip := net.ParseIP(u.Hostname())
	if u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return endpoint, nil
	}
	host := hostName
	if u.Port() != "" {
		host += ":" + u.Port()
	}
	u.Host = host
	return u.String(), nil
}
