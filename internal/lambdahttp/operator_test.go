package lambdahttp

import (
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/web"
)

// The operator is who API Gateway has authorized, and nobody in a request that it has not:
// a header of the client's never is, in whatever case it is written.
func TestHandler_OperatorIsAuthorizedByAPIGateway(t *testing.T) {
	const owner = "arn:aws:iam::123456789012:user/owner"
	for _, name := range []string{web.OperatorHeader, strings.ToLower(web.OperatorHeader), strings.ToUpper(web.OperatorHeader)} {
		event := get("GET /admin/v1/tenants", "/admin/v1/tenants", nil)
		event.Headers[name] = "arn:aws:iam::1:user/forged"
		r, _ := seen(t, t.Context(), event)
		require.Empty(t, r.Header.Values(web.OperatorHeader), name)

		event.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{}
		r, _ = seen(t, t.Context(), event)
		require.Empty(t, r.Header.Values(web.OperatorHeader), name)

		event.RequestContext.Authorizer.IAM = &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{UserARN: owner}
		r, _ = seen(t, t.Context(), event)
		require.Equal(t, []string{owner}, r.Header.Values(web.OperatorHeader), name)
	}
}
