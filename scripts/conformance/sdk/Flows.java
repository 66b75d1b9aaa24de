import de.captaingoldfish.scim.sdk.client.ScimClientConfig;
import de.captaingoldfish.scim.sdk.client.ScimRequestBuilder;
import de.captaingoldfish.scim.sdk.client.builder.PatchBuilder;
import de.captaingoldfish.scim.sdk.client.response.ServerResponse;
import de.captaingoldfish.scim.sdk.common.constants.EndpointPaths;
import de.captaingoldfish.scim.sdk.common.constants.enums.Comparator;
import de.captaingoldfish.scim.sdk.common.constants.enums.HttpMethod;
import de.captaingoldfish.scim.sdk.common.constants.enums.PatchOp;
import de.captaingoldfish.scim.sdk.common.etag.ETag;
import de.captaingoldfish.scim.sdk.common.request.PatchOpRequest;
import de.captaingoldfish.scim.sdk.common.request.PatchRequestOperation;
import de.captaingoldfish.scim.sdk.common.resources.EnterpriseUser;
import de.captaingoldfish.scim.sdk.common.resources.Group;
import de.captaingoldfish.scim.sdk.common.resources.ResourceNode;
import de.captaingoldfish.scim.sdk.common.resources.ServiceProvider;
import de.captaingoldfish.scim.sdk.common.resources.User;
import de.captaingoldfish.scim.sdk.common.resources.complex.Manager;
import de.captaingoldfish.scim.sdk.common.resources.complex.Name;
import de.captaingoldfish.scim.sdk.common.resources.multicomplex.Email;
import de.captaingoldfish.scim.sdk.common.resources.multicomplex.Member;
import de.captaingoldfish.scim.sdk.common.response.BulkResponse;
import de.captaingoldfish.scim.sdk.common.response.BulkResponseOperation;
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

  /** Replaces one attribute of a resource that must be at a version. The builder keeps an ETag of a PATCH to itself, so it is sent as a header. */
  static <T extends ResourceNode> ServerResponse<T> under(ETag version, PatchBuilder<T> patch, String path, String value) {
    return patch.addOperation().op(PatchOp.REPLACE).path(path).value(value).build().sendRequest(Map.of("If-Match", version.getEntityTag()));
  }

  /** The id at the end of the location of what an operation of a bulk request made. */
  static String made(BulkResponse answer, String bulkId) {
    String location = answer.getByBulkId(bulkId).flatMap(BulkResponseOperation::getLocation).orElseThrow();
    return location.substring(location.lastIndexOf('/') + 1);
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
        if (!provider.getPatchConfig().isSupported() || !provider.getETagConfig().isSupported()
            || !provider.getBulkConfig().isSupported() || provider.getBulkConfig().getMaxOperations() < 1) {
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
      flow("versions", () -> {
        ServerResponse<User> read = status(scim.get(User.class, EndpointPaths.USERS, users.get(4)).sendRequest(), 200);
        ETag before = read.getResource().getMeta().flatMap(m -> m.getVersion()).orElseThrow();
        check(before.isWeak(), "a weak version", read);
        check(read.getHttpHeaders().entrySet().stream().anyMatch(h -> h.getKey().equalsIgnoreCase("ETag") && h.getValue().equals(before.getEntityTag())), "ETag", read);
        status(scim.get(User.class, EndpointPaths.USERS, users.get(4)).setETagForIfNoneMatch(before).sendRequest(), 304);
        ServerResponse<User> patched = status(under(before, scim.patch(User.class, EndpointPaths.USERS, users.get(4)), "title", "First"), 200);
        ETag after = patched.getResource().getMeta().flatMap(m -> m.getVersion()).orElseThrow();
        check(!after.equals(before), "another version", patched);
        status(scim.get(User.class, EndpointPaths.USERS, users.get(4)).setETagForIfNoneMatch(before).sendRequest(), 200);
        status(under(before, scim.patch(User.class, EndpointPaths.USERS, users.get(4)), "title", "Second"), 412);
        status(scim.delete(User.class, EndpointPaths.USERS, users.get(4)).setETagForIfMatch(before).sendRequest(), 412);
        ServerResponse<User> now = status(scim.get(User.class, EndpointPaths.USERS, users.get(4)).sendRequest(), 200);
        check(now.getResource().getTitle().orElse("").equals("First"), "title", now);
      });
      flow("versions of a group", () -> {
        ServerResponse<Group> read = status(scim.get(Group.class, EndpointPaths.GROUPS, groups.get(0)).sendRequest(), 200);
        ETag before = read.getResource().getMeta().flatMap(m -> m.getVersion()).orElseThrow();
        status(scim.get(Group.class, EndpointPaths.GROUPS, groups.get(0)).setETagForIfNoneMatch(before).sendRequest(), 304);
        status(under(before, scim.patch(Group.class, EndpointPaths.GROUPS, groups.get(0)), "displayName", "sdk-renamed-" + run), 200);
        status(scim.delete(Group.class, EndpointPaths.GROUPS, groups.get(0)).setETagForIfMatch(before).sendRequest(), 412);
      });
      flow("bulk", () -> {
        User boss = person("sdk-bulk-" + run + "-boss@example.com");
        User report = person("sdk-bulk-" + run + "-report@example.com");
        report.setEnterpriseUser(EnterpriseUser.builder().manager(Manager.builder().value("bulkId:boss").build()).build());
        Group team = Group.builder().displayName("sdk-bulk-" + run)
            .members(List.of(Member.builder().value("bulkId:report").type("User").build(), Member.builder().value("bulkId:boss").type("User").build())).build();
        // What refers to others comes first.
        ServerResponse<BulkResponse> answer = status(
            scim.bulk()
                .bulkRequestOperation(EndpointPaths.GROUPS).method(HttpMethod.POST).bulkId("team").data(team).next()
                .bulkRequestOperation(EndpointPaths.USERS).method(HttpMethod.POST).bulkId("report").data(report).next()
                .bulkRequestOperation(EndpointPaths.USERS).method(HttpMethod.POST).bulkId("boss").data(boss)
                .sendRequest(), 200);
        BulkResponse made = answer.getResource();
        check(made.getBulkResponseOperations().size() == 3 && made.getSuccessfulOperations().count() == 3, "three are made", answer);
        for (BulkResponseOperation operation : made.getBulkResponseOperations()) {
          check(operation.getStatus() == 201 && operation.getMethod() == HttpMethod.POST && operation.getVersion().isPresent(), "status, method, version", answer);
          check(operation.getLocation().isPresent(), "location", answer);
        }
        String reportId = made(made, "report");
        String bossId = made(made, "boss");
        String teamId = made(made, "team");
        users.addAll(List.of(reportId, bossId));
        groups.add(teamId);
        ServerResponse<User> read = status(scim.get(User.class, EndpointPaths.USERS, reportId).sendRequest(), 200);
        check(read.getResource().getEnterpriseUser().flatMap(EnterpriseUser::getManager).flatMap(Manager::getValue).orElse("").equals(bossId), "manager", read);
        ServerResponse<Group> members = status(scim.get(Group.class, EndpointPaths.GROUPS, teamId).sendRequest(), 200);
        check(members.getResource().getMembers().stream().map(m -> m.getValue().orElse("?")).collect(Collectors.toSet()).equals(Set.of(reportId, bossId)), "members", members);
      });
      flow("bulk with each method, versions and failures", () -> {
        String reportId = users.get(5);
        ServerResponse<User> found = status(scim.get(User.class, EndpointPaths.USERS, reportId).sendRequest(), 200);
        ETag version = found.getResource().getMeta().flatMap(m -> m.getVersion()).orElseThrow();
        User replaced = person("sdk-bulk-" + run + "-report@example.com");
        replaced.setTitle("Replaced");
        PatchOpRequest patch = new PatchOpRequest(List.of(PatchRequestOperation.builder().op(PatchOp.REPLACE).path("title").value("Patched").build()));
        String path = EndpointPaths.USERS + "/" + reportId;
        ServerResponse<BulkResponse> answer = status(
            scim.bulk()
                .bulkRequestOperation(path).method(HttpMethod.PUT).version(version).data(replaced.toString()).next()
                .bulkRequestOperation(path).method(HttpMethod.PATCH).version(version).data(patch.toString()).next()
                .bulkRequestOperation(EndpointPaths.USERS).method(HttpMethod.POST).bulkId("taken").data(person(first)).next()
                .bulkRequestOperation(EndpointPaths.GROUPS + "/" + groups.get(1)).method(HttpMethod.DELETE)
                .sendRequest(), 200);
        List<Integer> statuses = answer.getResource().getBulkResponseOperations().stream().map(BulkResponseOperation::getStatus).collect(Collectors.toList());
        check(statuses.equals(List.of(200, 412, 409, 204)), "statuses", answer);
        check(answer.getResource().getFailedOperations().allMatch(o -> o.getResponse().isPresent()), "errors", answer);
        groups.remove(1);
        ServerResponse<User> read = status(scim.get(User.class, EndpointPaths.USERS, reportId).sendRequest(), 200);
        check(read.getResource().getTitle().orElse("").equals("Replaced"), "title", read);
      });
      flow("bulk that ends at its first error", () -> {
        ServerResponse<BulkResponse> answer = status(
            scim.bulk().failOnErrors(1)
                .bulkRequestOperation(EndpointPaths.USERS).method(HttpMethod.POST).bulkId("taken").data(person(first)).next()
                .bulkRequestOperation(EndpointPaths.USERS + "/" + users.get(5)).method(HttpMethod.DELETE)
                .sendRequest(), 200);
        check(answer.getResource().getBulkResponseOperations().size() == 1, "one", answer);
        status(scim.get(User.class, EndpointPaths.USERS, users.get(5)).sendRequest(), 200);
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
