import com.nimbusds.common.contenttype.ContentType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.TokenErrorResponse;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.ClientSecretPost;
import com.nimbusds.oauth2.sdk.auth.PrivateKeyJWT;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.http.HTTPRequest;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import com.nimbusds.oauth2.sdk.util.URLUtils;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/** Gets access tokens with Nimbus's OAuth 2.0 SDK, and uses them. oauth.py sets the environment. */
public class Client {
  static final URI ENDPOINT = URI.create(System.getenv("OAUTH_ENDPOINT"));
  static final ClientID CLIENT = new ClientID(System.getenv("OAUTH_CLIENT"));
  static int passed;
  static int failed;

  interface Flow {
    void run() throws Exception;
  }

  static void flow(String name, Flow flow) {
    try {
      flow.run();
      passed++;
    } catch (Throwable fault) {
      failed++;
      System.out.println(name + ": " + fault);
    }
  }

  static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  static TokenResponse ask(ClientAuthentication proof) throws Exception {
    TokenRequest request = new TokenRequest.Builder(ENDPOINT, proof, new ClientCredentialsGrant()).build();
    return TokenResponse.parse(request.toHTTPRequest().send());
  }

  // The SDK's own request takes no assertion whose issuer is not the client, and no client without
  // an authentication: it sends the parameters as they are.
  static TokenResponse askByFederation() throws Exception {
    HTTPRequest request = new HTTPRequest(HTTPRequest.Method.POST, ENDPOINT);
    request.setEntityContentType(ContentType.APPLICATION_URLENCODED);
    request.setBody(URLUtils.serializeParameters(Map.of(
        "grant_type", List.of("client_credentials"), "client_id", List.of(System.getenv("OAUTH_FEDERATED_CLIENT")),
        "client_assertion", List.of(System.getenv("OAUTH_FEDERATED_ASSERTION")),
        "client_assertion_type", List.of("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))));
    return TokenResponse.parse(request.send());
  }

  static void use(TokenResponse answer) throws Exception {
    check(answer.indicatesSuccess(), "refused: " + answer.toHTTPResponse().getBody());
    AccessToken token = answer.toSuccessResponse().getTokens().getAccessToken();
    check(token.getLifetime() == 3600, "it is valid for " + token.getLifetime() + " s");
    HttpRequest list = HttpRequest.newBuilder(URI.create(System.getenv("OAUTH_SCIM") + "/Users?count=1"))
        .header("Authorization", token.toAuthorizationHeader()).build();
    HttpResponse<String> users = HttpClient.newHttpClient().send(list, HttpResponse.BodyHandlers.ofString());
    check(users.statusCode() == 200, "the SCIM request gets " + users.statusCode());
  }

  static PrivateKey key() throws Exception {
    String pem = Files.readString(Path.of(System.getenv("OAUTH_KEY"))).replaceAll("-----[A-Z ]+-----|\\s", "");
    return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
  }

  public static void main(String[] args) {
    Secret secret = new Secret(System.getenv("OAUTH_SECRET"));
    flow("client_secret_basic", () -> use(ask(new ClientSecretBasic(CLIENT, secret))));
    flow("client_secret_post", () -> use(ask(new ClientSecretPost(CLIENT, secret))));
    flow("private_key_jwt", () -> use(ask(new PrivateKeyJWT(
        new ClientID(System.getenv("OAUTH_KEY_CLIENT")), ENDPOINT, JWSAlgorithm.RS256, key(), System.getenv("OAUTH_KEY_ID"), null))));
    flow("federation", () -> use(askByFederation()));
    flow("a wrong secret", () -> {
      TokenErrorResponse refused = ask(new ClientSecretBasic(CLIENT, new Secret("wrong"))).toErrorResponse();
      check(refused.getErrorObject().getHTTPStatusCode() == 401, "status " + refused.getErrorObject().getHTTPStatusCode());
      check(refused.getErrorObject().getCode().equals("invalid_client"), refused.getErrorObject().getCode());
    });
    System.out.println(passed + " passed, " + failed + " failed");
    System.exit(failed > 0 ? 1 : 0);
  }
}
