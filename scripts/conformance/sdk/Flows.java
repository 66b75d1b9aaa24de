import de.captaingoldfish.scim.sdk.client.ScimClientConfig;
import de.captaingoldfish.scim.sdk.client.ScimRequestBuilder;
import de.captaingoldfish.scim.sdk.client.response.ServerResponse;
import de.captaingoldfish.scim.sdk.common.constants.EndpointPaths;
import de.captaingoldfish.scim.sdk.common.constants.enums.Comparator;
import de.captaingoldfish.scim.sdk.common.constants.enums.PatchOp;
import de.captaingoldfish.scim.sdk.common.resources.EnterpriseUser;
import de.captaingoldfish.scim.sdk.common.resources.Group;
import de.captaingoldfish.scim.sdk.common.resources.ServiceProvider;
import de.captaingoldfish.scim.sdk.common.resources.User;
import de.captaingoldfish.scim.sdk.common.resources.complex.Name;
import de.captaingoldfish.scim.sdk.common.resources.multicomplex.Email;
import de.captaingoldfish.scim.sdk.common.resources.multicomplex.Member;
import de.captaingoldfish.scim.sdk.common.response.ListResponse;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * Drives a server with the SCIM-SDK's client: what a Java application does with users and groups.
 * The base URL is the argument; the token comes from the environment, ROLLCALL_TOKEN.
 */
public class Flows {
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

  static void check(boolean holds, String what, ServerResponse<?> response) {
    if (!holds) {
      throw new AssertionError(what + ": " + response.getHttpStatus() + " " + response.getResponseBody());
    }
  }

  static <T extends ServerResponse<?>> T status(T response, int want) {
    check(response.getHttpStatus() == want, "want " + want, response);
    if (want < 300 && want != 204) {
      check(response.isSuccess() && response.isValidScimResponse(), "the client does not take the answer", response);
    }
    return response;
  }

  static User person(String name) {
    return User.builder()
        .userName(name)
        .name(Name.builder().givenName("Given").familyName("Family").build())
        .displayName("Display " + name)
        .active(true)
        .emails(List.of(Email.builder().value(name).type("work").primary(true).build()))
        .enterpriseUser(EnterpriseUser.builder().department("Research").employeeNumber("7").build())
        .build();
  }

  public static void main(String[] arguments) throws Exception {
    String run = UUID.randomUUID().toString().substring(0, 8);
    ScimClientConfig config =
        ScimClientConfig.builder()
            .connectTimeout(10)
            .requestTimeout(30)
            .socketTimeout(30)
            .httpHeaders(Map.of("Authorization", "Bearer " + System.getenv("ROLLCALL_TOKEN")))
            .useLowerCaseInFilterComparators(true)
            .build();
    List<String> users = new ArrayList<>();
    List<String> groups = new ArrayList<>();
    try (ScimRequestBuilder scim = new ScimRequestBuilder(arguments[0], config)) {
      flow("the configuration", () -> {
        ServiceProvider provider = scim.loadServiceProviderConfiguration();
        if (!provider.getPatchConfig().isSupported() || !provider.getETagConfig().isSupported()) {
          throw new AssertionError(provider.toString());
        }
      });
      flow("create users", () -> {
        for (int i = 0; i < 5; i++) {
          String name = "sdk-" + run + "-" + i + "@example.com";
          ServerResponse<User> made = status(scim.create(User.class, EndpointPaths.USERS).setResource(person(name)).sendRequest(), 201);
          User user = made.getResource();
          check(user.getUserName().orElse("").equals(name), "userName", made);
          check(user.getEnterpriseUser().flatMap(EnterpriseUser::getDepartment).orElse("").equals("Research"), "department", made);
          check(made.getHttpHeaders().entrySet().stream().anyMatch(h -> h.getKey().equalsIgnoreCase("Location") && h.getValue().endsWith(user.getId().orElse("?"))), "Location", made);
          users.add(user.getId().orElseThrow());
        }
      });
      String first = "sdk-" + run + "-0@example.com";
      flow("a duplicate is refused", () -> {
        ServerResponse<User> refused = status(scim.create(User.class, EndpointPaths.USERS).setResource(person(first)).sendRequest(), 409);
        check("uniqueness".equals(refused.getErrorResponse().getScimException().getScimType()), "scimType", refused);
      });
      flow("read", () -> {
        ServerResponse<User> read = status(scim.get(User.class, EndpointPaths.USERS, users.get(0)).sendRequest(), 200);
        check(read.getResource().getUserName().orElse("").equals(first), "userName", read);
        check(read.getResource().getMeta().flatMap(m -> m.getVersion()).isPresent(), "version", read);
      });
      flow("read who is not there", () -> status(scim.get(User.class, EndpointPaths.USERS, "nobody").sendRequest(), 404));
      flow("replace", () -> {
        User user = person(first);
        user.setDisplayName("Replaced");
        ServerResponse<User> replaced = status(scim.update(User.class, EndpointPaths.USERS, users.get(0)).setResource(user).sendRequest(), 200);
        check(replaced.getResource().getDisplayName().orElse("").equals("Replaced"), "displayName", replaced);
      });
      flow("replace under a version", () -> {
        ServerResponse<User> read = status(scim.get(User.class, EndpointPaths.USERS, users.get(1)).sendRequest(), 200);
        String version = read.getResource().getMeta().flatMap(m -> m.getVersion()).orElseThrow().getEntityTag();
        User user = person("sdk-" + run + "-1@example.com");
        user.setTitle("Versioned");
        status(scim.update(User.class, EndpointPaths.USERS, users.get(1)).setETagForIfMatch(version).setResource(user).sendRequest(), 200);
        status(scim.update(User.class, EndpointPaths.USERS, users.get(1)).setETagForIfMatch(version).setResource(user).sendRequest(), 412);
      });
      flow("patch", () -> {
        ServerResponse<User> patched = status(
            scim.patch(User.class, EndpointPaths.USERS, users.get(2))
                .addOperation().op(PatchOp.REPLACE).path("displayName").value("Patched").next()
                .op(PatchOp.ADD).path("emails").valueNode(Email.builder().value("second-" + run + "@example.com").type("home").build()).next()
                .op(PatchOp.REPLACE).path("emails[type eq \"work\"].display").value("Work").next()
                .op(PatchOp.REMOVE).path("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department").build()
                .sendRequest(), 200);
        User user = patched.getResource();
        check(user.getDisplayName().orElse("").equals("Patched") && user.getEmails().size() == 2, "operations", patched);
        check(user.getEnterpriseUser().flatMap(EnterpriseUser::getDepartment).isEmpty(), "department", patched);
      });
      flow("a patch that cannot be is refused", () -> status(
          scim.patch(User.class, EndpointPaths.USERS, users.get(2)).addOperation().op(PatchOp.REPLACE).path("shoeSize").value("44").build().sendRequest(), 400));
      flow("deactivate and activate", () -> {
        for (String active : List.of("false", "true")) {
          ServerResponse<User> patched = status(
              scim.patch(User.class, EndpointPaths.USERS, users.get(3)).addOperation().op(PatchOp.REPLACE).path("active").value(active).build().sendRequest(), 200);
          check(patched.getResource().isActive().orElse(null).toString().equals(active), "active", patched);
        }
      });
      flow("filter", () -> {
        ServerResponse<ListResponse<User>> found = scim.list(User.class, EndpointPaths.USERS).filter("userName", Comparator.EQ, first).build().get().sendRequest();
        status(found, 200);
        check(found.getResource().getTotalResults() == 1, "one", found);
        found = scim.list(User.class, EndpointPaths.USERS)
            .filter("userName", Comparator.SW, "sdk-" + run).and("displayName", Comparator.CO, "patch").build().get().sendRequest();
        status(found, 200);
        check(found.getResource().getTotalResults() == 1 && found.getResource().getListedResources().get(0).getId().orElse("").equals(users.get(2)), "both", found);
      });
      flow("search by POST", () -> {
        ServerResponse<ListResponse<User>> found = scim.list(User.class, EndpointPaths.USERS).filter("userName", Comparator.EQ, first).build().attributes("userName").post().sendRequest();
        status(found, 200);
        check(found.getResource().getTotalResults() == 1 && found.getResource().getListedResources().get(0).getDisplayName().isEmpty(), "one, projected", found);
      });
      flow("a broken filter is refused", () -> status(scim.list(User.class, EndpointPaths.USERS).filter("userName eq").get().sendRequest(), 400));
      flow("pages", () -> {
        Set<String> seen = new HashSet<>();
        long total = -1;
        for (int start = 1; total < 0 || start <= total; start += 2) {
          ServerResponse<ListResponse<User>> page =
              scim.list(User.class, EndpointPaths.USERS).filter("userName", Comparator.SW, "sdk-" + run).build().startIndex(start).count(2).get().sendRequest();
          status(page, 200);
          total = page.getResource().getTotalResults();
          for (User user : page.getResource().getListedResources()) {
            if (!seen.add(user.getId().orElseThrow())) {
              throw new AssertionError("given twice: " + user);
            }
          }
        }
        if (!seen.equals(new HashSet<>(users))) {
          throw new AssertionError("pages have " + seen + ", want " + users);
        }
      });
      flow("all users", () -> {
        ServerResponse<ListResponse<User>> all = scim.list(User.class, EndpointPaths.USERS).filter("userName", Comparator.SW, "sdk-" + run).build().get().getAll();
        check(all.getResource().getListedResources().size() == users.size(), "all", all);
      });
      flow("groups", () -> {
        Group group = Group.builder().displayName("sdk-" + run)
            .members(users.subList(0, 2).stream().map(id -> Member.builder().value(id).type("User").build()).collect(Collectors.toList())).build();
        ServerResponse<Group> made = status(scim.create(Group.class, EndpointPaths.GROUPS).setResource(group).sendRequest(), 201);
        String id = made.getResource().getId().orElseThrow();
        groups.add(id);
        check(made.getResource().getMembers().size() == 2, "members", made);
        status(scim.patch(Group.class, EndpointPaths.GROUPS, id).addOperation().op(PatchOp.ADD).path("members")
            .valueNode(Member.builder().value(users.get(2)).build()).build().sendRequest(), 200);
        status(scim.patch(Group.class, EndpointPaths.GROUPS, id).addOperation().op(PatchOp.REMOVE)
            .path("members[value eq \"" + users.get(0) + "\"]").build().sendRequest(), 200);
        ServerResponse<Group> read = status(scim.get(Group.class, EndpointPaths.GROUPS, id).sendRequest(), 200);
        Set<String> members = read.getResource().getMembers().stream().map(m -> m.getValue().orElse("?")).collect(Collectors.toSet());
        check(members.equals(Set.of(users.get(1), users.get(2))), "members", read);
        ServerResponse<User> member = status(scim.get(User.class, EndpointPaths.USERS, users.get(1)).sendRequest(), 200);
        check(member.getResource().getGroups().size() == 1, "groups of the user", member);
        ServerResponse<ListResponse<Group>> found = scim.list(Group.class, EndpointPaths.GROUPS).filter("displayName", Comparator.EQ, "SDK-" + run).build().get().sendRequest();
        check(status(found, 200).getResource().getTotalResults() == 1, "found", found);
      });
      flow("delete", () -> {
        for (String id : groups) {
          status(scim.delete(Group.class, EndpointPaths.GROUPS, id).sendRequest(), 204);
        }
        for (String id : users) {
          status(scim.delete(User.class, EndpointPaths.USERS, id).sendRequest(), 204);
          status(scim.get(User.class, EndpointPaths.USERS, id).sendRequest(), 404);
        }
      });
    }
    System.out.println(passed + " passed, " + failed + " failed");
    System.exit(failed == 0 && passed > 0 ? 0 : 1);
  }
}
