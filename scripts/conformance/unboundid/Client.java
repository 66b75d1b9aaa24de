import com.fasterxml.jackson.jakarta.rs.json.JacksonJsonProvider;
import com.unboundid.scim2.client.ScimService;
import com.unboundid.scim2.common.bulk.BulkOperation;
import com.unboundid.scim2.common.bulk.BulkOperationResult;
import com.unboundid.scim2.common.bulk.BulkResponse;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.messages.ListResponse;
import com.unboundid.scim2.common.messages.PatchOperation;
import com.unboundid.scim2.common.messages.SortOrder;
import com.unboundid.scim2.common.types.Email;
import com.unboundid.scim2.common.types.EnterpriseUserExtension;
import com.unboundid.scim2.common.types.GroupResource;
import com.unboundid.scim2.common.types.Manager;
import com.unboundid.scim2.common.types.Member;
import com.unboundid.scim2.common.types.Name;
import com.unboundid.scim2.common.types.ResourceTypeResource;
import com.unboundid.scim2.common.types.ServiceProviderConfigResource;
import com.unboundid.scim2.common.types.UserResource;
import com.unboundid.scim2.common.utils.JsonUtils;
import jakarta.ws.rs.client.ClientBuilder;
import jakarta.ws.rs.client.ClientRequestFilter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.glassfish.jersey.apache5.connector.Apache5ConnectorProvider;
import org.glassfish.jersey.client.ClientConfig;

/**
 * Drives a server with UnboundID's SCIM 2 client, which PingDirectory and others are built on. The
 * base URL is the argument; the token comes from the environment, ROLLCALL_TOKEN.
 */
public class Client {
  static int passed;
  static int failed;

  interface Flow {
    void run() throws Exception;
  }

  static void flow(String name, Flow flow) {
    try {
      flow.run();
      passed++;
    } catch (Throwable e) {
      failed++;
      System.err.println("  " + name + ": " + e);
    }
  }

  static void check(boolean holds, String what, Object seen) {
    if (!holds) {
      throw new AssertionError(what + ": " + seen);
    }
  }

  /** Expects a refusal with a status and, unless it is null, a scimType. */
  static void refused(int status, String type, Flow flow) throws Exception {
    try {
      flow.run();
    } catch (ScimException e) {
      check(e.getScimError().getStatus() == status && (type == null || type.equals(e.getScimError().getScimType())), "want " + status + " " + type, e.getScimError());
      return;
    }
    throw new AssertionError("want a refusal with " + status);
  }

  static UserResource person(String name) {
    UserResource user = new UserResource().setUserName(name).setDisplayName("Una Bound").setActive(true)
        .setName(new Name().setGivenName("Una").setFamilyName("Bound"))
        .setEmails(new Email().setValue(name).setType("work").setPrimary(true));
    user.setExtension(new EnterpriseUserExtension().setDepartment("Research").setEmployeeNumber("701984"));
    return user;
  }

  static String made(BulkResponse answer, String bulkId) {
    String location = answer.getOperations().stream().filter(o -> bulkId.equals(o.getBulkId())).map(BulkOperationResult::getLocation).findFirst().orElseThrow();
    return location.substring(location.lastIndexOf('/') + 1);
  }

  public static void main(String[] arguments) {
    String run = UUID.randomUUID().toString().substring(0, 8);
    jakarta.ws.rs.client.Client http = ClientBuilder.newClient(new ClientConfig()
        .connectorProvider(new Apache5ConnectorProvider())
        .register(new JacksonJsonProvider(JsonUtils.createObjectMapper()))
        .register((ClientRequestFilter) request -> request.getHeaders().putSingle("Authorization", "Bearer " + System.getenv("ROLLCALL_TOKEN"))));
    ScimService scim = new ScimService(http.target(arguments[0]));
    List<UserResource> users = new ArrayList<>();
    List<GroupResource> groups = new ArrayList<>();
    String first = "ub-" + run + "-0@example.com";

    flow("the configuration", () -> {
      ServiceProviderConfigResource provider = scim.getServiceProviderConfig();
      check(provider.getPatch().isSupported() && provider.getBulk().isSupported() && provider.getEtag().isSupported(), "capabilities", provider);
      check(provider.getFilter().getMaxResults() > 0 && provider.getAuthenticationSchemes().size() > 0, "filter, authentication", provider);
    });
    flow("resource types", () -> {
      ListResponse<ResourceTypeResource> types = scim.getResourceTypes();
      check(types.getTotalResults() == 2, "two", types);
      check(types.getResources().stream().allMatch(t -> t.getSchemaExtensions() == null || t.getSchemaExtensions().stream().noneMatch(e -> e.isRequired())), "no extension is required", types);
      check(scim.getResourceType("User").getEndpoint().toString().equals("/Users"), "User", types);
    });
    flow("schemas", () -> {
      check(scim.getSchemas().getTotalResults() >= 3, "schemas", scim.getSchemas());
      check(scim.getSchema("urn:ietf:params:scim:schemas:core:2.0:User").getAttributes().size() > 10, "User", null);
    });
    flow("create", () -> {
      for (int i = 0; i < 4; i++) {
        UserResource user = scim.create("Users", person("ub-" + run + "-" + i + "@example.com"));
        check(user.getId() != null && user.getMeta().getLocation() != null && user.getMeta().getVersion() != null, "id, location, version", user);
        check("Research".equals(user.getExtension(EnterpriseUserExtension.class).getDepartment()), "department", user);
        users.add(user);
      }
    });
    flow("a duplicate is refused", () -> refused(409, "uniqueness", () -> scim.create("Users", person(first))));
    flow("retrieve", () -> {
      check(scim.retrieve("Users", users.get(0).getId(), UserResource.class).getUserName().equals(first), "by id", users.get(0));
      check(scim.retrieve(users.get(0).getMeta().getLocation(), UserResource.class).getUserName().equals(first), "by location", users.get(0));
      check(scim.retrieve(users.get(0)).getUserName().equals(first), "by itself", users.get(0));
    });
    flow("retrieve what is not there", () -> refused(404, null, () -> scim.retrieve("Users", "nobody", UserResource.class)));
    flow("retrieve with attributes", () -> {
      UserResource user = scim.retrieveRequest("Users", users.get(0).getId()).attributes("userName").invoke(UserResource.class);
      check(user.getUserName().equals(first) && user.getDisplayName() == null, "userName alone", user);
      user = scim.retrieveRequest("Users", users.get(0).getId()).excludedAttributes("emails").invoke(UserResource.class);
      check(user.getEmails() == null || user.getEmails().isEmpty(), "without emails", user);
    });
    flow("replace", () -> {
      UserResource user = scim.retrieve(users.get(0));
      user.setDisplayName("Replaced");
      check(scim.replace(user).getDisplayName().equals("Replaced"), "displayName", user);
    });
    flow("replace under a version", () -> {
      UserResource user = scim.retrieve(users.get(1));
      user.setTitle("Versioned");
      scim.replaceRequest(user).ifMatch().invoke();
      refused(412, null, () -> scim.replaceRequest(user).ifMatch().invoke());
    });
    flow("modify", () -> {
      UserResource user = scim.modifyRequest(users.get(2))
          .replaceValue("displayName", "Modified")
          .addValues("emails", new Email().setValue("home-" + run + "@example.com").setType("home"))
          .replaceValue("name.familyName", "Changed")
          .removeValues("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department")
          .replaceValue("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", new Manager().setValue(users.get(0).getId()))
          .invoke();
      check(user.getDisplayName().equals("Modified") && user.getEmails().size() == 2 && user.getName().getFamilyName().equals("Changed"), "operations", user);
      EnterpriseUserExtension extension = user.getExtension(EnterpriseUserExtension.class);
      check(extension.getDepartment() == null && extension.getManager().getValue().equals(users.get(0).getId()), "extension", user);
    });
    flow("modify with values in arrays", () -> {
      UserResource user = scim.modifyRequest("Users", users.get(2).getId())
          .replaceValues("emails", new Email().setValue("ub-" + run + "-2@example.com").setType("work").setPrimary(true))
          .addValues("roles", new com.unboundid.scim2.common.types.Role().setValue("admin"))
          .invoke(UserResource.class);
      check(user.getEmails().size() == 1 && user.getRoles().size() == 1, "emails, roles", user);
    });
    flow("modify by a filter", () -> {
      UserResource user = scim.modifyRequest("Users", users.get(2).getId())
          .replaceValue("emails[type eq \"work\"].display", "Work").removeValues("roles[value eq \"admin\"]").invoke(UserResource.class);
      check("Work".equals(user.getEmails().get(0).getDisplay()) && (user.getRoles() == null || user.getRoles().isEmpty()), "by filter", user);
    });
    flow("a modification that cannot be is refused", () -> refused(400, "invalidPath", () -> scim.modifyRequest("Users", users.get(2).getId()).replaceValue("shoeSize", "44").invoke(UserResource.class)));
    flow("deactivate and activate", () -> {
      for (boolean active : new boolean[] {false, true}) {
        check(scim.modifyRequest("Users", users.get(3).getId()).replaceValue("active", active).invoke(UserResource.class).getActive() == active, "active", active);
      }
    });
    flow("search", () -> {
      ListResponse<UserResource> found = scim.search("Users", "userName eq \"" + first + "\"", UserResource.class);
      check(found.getTotalResults() == 1 && found.getResources().get(0).getId().equals(users.get(0).getId()), "one", found);
      check(scim.search("Users", "userName eq \"nobody@example.com\"", UserResource.class).getTotalResults() == 0, "none", found);
    });
    flow("search by POST", () -> {
      ListResponse<UserResource> found = scim.searchRequest("Users").filter("userName sw \"ub-" + run + "\" and displayName co \"modif\"")
          .attributes("userName").invokePost(UserResource.class);
      check(found.getTotalResults() == 1 && found.getResources().get(0).getDisplayName() == null, "one, projected", found);
    });
    flow("sort and pages", () -> {
      List<String> names = new ArrayList<>();
      for (int start = 1; start <= 3; start += 2) {
        ListResponse<UserResource> page = scim.searchRequest("Users").filter("userName sw \"ub-" + run + "\"").sort("userName", SortOrder.DESCENDING).page(start, 2).invoke(UserResource.class);
        check(page.getTotalResults() == 4 && page.getItemsPerPage() == 2 && page.getStartIndex() == start, "a page", page);
        page.getResources().forEach(u -> names.add(u.getUserName()));
      }
      check(names.equals(names.stream().sorted(java.util.Comparator.reverseOrder()).distinct().collect(Collectors.toList())) && names.size() == 4, "all, in order", names);
    });
    flow("cursors", () -> {
      Set<String> seen = new HashSet<>();
      ListResponse<UserResource> page = scim.searchRequest("Users").filter("userName sw \"ub-" + run + "\"").firstPageCursorWithCount(3).invoke(UserResource.class);
      page.forEach(u -> seen.add(u.getId()));
      check(page.getNextCursor() != null, "a next page", page);
      page = scim.searchRequest("Users").filter("userName sw \"ub-" + run + "\"").pageWithCursor(page.getNextCursor(), 3).invoke(UserResource.class);
      page.forEach(u -> seen.add(u.getId()));
      check(seen.size() == 4 && page.getNextCursor() == null, "all", seen);
    });
    flow("a count alone", () -> {
      ListResponse<UserResource> found = scim.searchRequest("Users").page(1, 0).invoke(UserResource.class);
      check(found.getTotalResults() >= 4 && (found.getResources() == null || found.getResources().isEmpty()), "no resources", found);
    });
    flow("a broken filter is refused", () -> refused(400, "invalidFilter", () -> scim.searchRequest("Users").filter("userName eq").invoke(UserResource.class)));
    flow("groups", () -> {
      GroupResource group = scim.create("Groups", new GroupResource().setDisplayName("ub-" + run)
          .setMembers(new Member().setValue(users.get(0).getId()).setType("User"), new Member().setValue(users.get(1).getId())));
      groups.add(group);
      scim.modifyRequest("Groups", group.getId()).addValues("members", new Member().setValue(users.get(2).getId())).invoke(GroupResource.class);
      scim.modifyRequest("Groups", group.getId()).removeValues("members[value eq \"" + users.get(0).getId() + "\"]").invoke(GroupResource.class);
      Set<String> members = scim.retrieve("Groups", group.getId(), GroupResource.class).getMembers().stream().map(Member::getValue).collect(Collectors.toSet());
      check(members.equals(Set.of(users.get(1).getId(), users.get(2).getId())), "members", members);
      check(scim.retrieve(users.get(1)).getGroups().size() == 1, "groups of the user", members);
      check(scim.search("Groups", "members.value eq \"" + users.get(2).getId() + "\"", GroupResource.class).getTotalResults() == 1, "found by its member", members);
    });
    flow("an empty group", () -> {
      GroupResource group = scim.create("Groups", new GroupResource().setDisplayName("ub-empty-" + run));
      groups.add(group);
      List<Member> members = scim.retrieve("Groups", group.getId(), GroupResource.class).getMembers();
      check(members != null && members.isEmpty(), "no members", members);
    });
    flow("bulk", () -> {
      UserResource report = person("ub-bulk-" + run + "@example.com");
      report.getExtension(EnterpriseUserExtension.class);
      BulkResponse answer = scim.bulkRequest().append(
          BulkOperation.post("/Users", report).setBulkId("report"),
          BulkOperation.post("/Groups", new GroupResource().setDisplayName("ub-bulk-" + run).setMembers(new Member().setValue("bulkId:report"))).setBulkId("team"),
          BulkOperation.post("/Users", person(first)).setBulkId("taken"),
          BulkOperation.patch("/Users/" + users.get(3).getId(), PatchOperation.replace("title", "Bulked"))).invoke();
      check(answer.getOperations().stream().map(BulkOperationResult::getStatus).collect(Collectors.toList()).equals(List.of("201", "201", "409", "200")), "statuses", answer);
      check(answer.getOperations().get(2).isClientError() && answer.getOperations().get(2).getResponse() != null, "an error", answer);
      users.add(scim.retrieve("Users", made(answer, "report"), UserResource.class));
      groups.add(scim.retrieve("Groups", made(answer, "team"), GroupResource.class));
      check(groups.get(groups.size() - 1).getMembers().get(0).getValue().equals(users.get(users.size() - 1).getId()), "the reference", answer);
    });
    flow("not modified", () -> {
      UserResource user = scim.retrieve(users.get(0));
      try {
        scim.retrieveRequest("Users", user.getId()).ifNoneMatch(user.getMeta().getVersion()).invoke(UserResource.class);
        throw new AssertionError("want 304");
      } catch (ScimException e) {
        check(e.getScimError().getStatus() == 304, "304", e.getScimError());
      }
    });
    flow("delete", () -> {
      for (GroupResource group : groups) {
        scim.delete(group);
      }
      for (UserResource user : users) {
        scim.delete("Users", user.getId());
        refused(404, null, () -> scim.retrieve(user));
      }
    });
    http.close();
    System.out.println(passed + " passed, " + failed + " failed");
    System.exit(failed == 0 && passed > 0 ? 0 : 1);
  }
}
