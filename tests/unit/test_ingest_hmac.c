/* Signatures against the examples that the products' documents publish, and every way to get one wrong. */
#include "access/secret.h"
#include "ingest/hmac.h"
#include "ingest_world.h"

struct given {
    struct header_source source;
    const char *names[4];
    const char *values[4];
};

static struct str get(const struct header_source *source, const char *name)
{
    const struct given *given = (const struct given *)source;
    for (int i = 0; i < 4 && given->names[i]; i++) {
        if (str_equal_nocase(str_of(given->names[i]), str_of(name)))
            return str_of(given->values[i]);
    }
    return (struct str){ 0 };
}

struct attempt {
    struct source_hmac hmac;
    const char *secret, *body;
    int64_t now_s;
    struct given given;
};

static enum err verify(const struct attempt *attempt, struct err_info *why)
{
    struct attempt copy = *attempt;
    copy.given.source.get = get;
    return hmac_verify(&copy.hmac, str_of(copy.secret), str_of(copy.body), &copy.given.source,
        (struct instant){ copy.now_s * US_PER_S }, why);
}

static void assert_good(const struct attempt *attempt)
{
    struct err_info why = { 0 };
    test_check(verify(attempt, &why), &why);
}

static void assert_denied(const struct attempt *attempt)
{
    struct err_info why = { 0 };
    assert_int_equal(verify(attempt, &why), ERR_DENIED);
    assert_string_equal(why.name, "signature");
    assert_true(why.text[0] != '\0');
}

/* docs.github.com, "Validating webhook deliveries": the values to test with. */
static const struct attempt github = { .hmac = { .scheme = HMAC_GITHUB },
    .secret = "It's a Secret to Everybody",
    .body = "Hello, World!",
    .given = { .names = { "X-Hub-Signature-256" },
        .values = { "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" } } };

/* developer.atlassian.com, Jira webhooks, "Secure admin webhooks". */
static const struct attempt jira = { .hmac = { .scheme = HMAC_JIRA },
    .secret = "It's a Secret to Everybody",
    .body = "Hello World!",
    .given = { .names = { "X-Hub-Signature" },
        .values = { "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9" } } };

/* api.slack.com, "Verifying requests from Slack". */
static const struct attempt slack = { .hmac = { .scheme = HMAC_SLACK, .tolerance_us = 5 * US_PER_MIN },
    .secret = "8f742231b10e8888abcd99yyyzzz85a5",
    .body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
            "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
            "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
            "96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    .now_s = 1531420618 + 299,
    .given = { .names = { "X-Slack-Signature", "X-Slack-Request-Timestamp" },
        .values = { "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503", "1531420618" } } };

/* Stripe's scheme (docs.stripe.com, "Verify webhook signatures manually"); the digest by
 * printf '1492774577.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test_secret */
static const struct attempt stripe = { .hmac = { .scheme = HMAC_STRIPE, .tolerance_us = 5 * US_PER_MIN },
    .secret = "whsec_test_secret",
    .body = "{\"id\":\"evt_1\"}",
    .now_s = 1492774577 - 10,
    .given = { .names = { "Stripe-Signature" },
        .values = { "t=1492774577,"
                    "v1=799c4ba7bb339f3c8601adfd112f0e477c930a268be1243d341abb8286501c2f,"
                    "v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39" } } };

/* RFC 4231, test case 2. */
static const struct attempt plain = { .hmac = { .scheme = HMAC_HEADER, .header = STR_INIT("X-Signature") },
    .secret = "Jefe",
    .body = "what do ya want for nothing?",
    .given = { .names = { "X-Signature" },
        .values = { "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" } } };

static void published_examples_verify(void **state)
{
    (void)state;
    assert_good(&github);
    assert_good(&jira);
    assert_good(&slack);
    assert_good(&stripe);
    assert_good(&plain);
}

static void a_header_of_ones_own_has_prefix_encoding_and_algorithm(void **state)
{
    (void)state;
    struct attempt attempt = plain;
    attempt.hmac.is_base64 = true;
    attempt.hmac.prefix = STR("b64 ");
    attempt.given.values[0] = "b64 W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
    assert_good(&attempt);
    attempt.given.values[0] = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
    assert_denied(&attempt);
    attempt = plain;
    attempt.hmac.is_sha512 = true;
    assert_denied(&attempt);
    attempt.given.values[0] = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a99"
                              "4a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
    assert_good(&attempt);
}

static void another_body_secret_or_digest_is_denied(void **state)
{
    (void)state;
    static const struct attempt *const all[] = { &github, &jira, &slack, &stripe, &plain };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct attempt attempt = *all[i];
        attempt.body = "{}";
        assert_denied(&attempt);
        attempt = *all[i];
        attempt.secret = "another";
        assert_denied(&attempt);
        attempt.secret = "";
        assert_denied(&attempt);
        attempt = *all[i];
        attempt.given.names[0] = NULL;
        assert_denied(&attempt);
        attempt = *all[i];
        attempt.given.values[0] = "sha256=";
        assert_denied(&attempt);
        attempt.given.values[0] = "v0=zz";
        assert_denied(&attempt);
        attempt.given.values[0] = "t=1492774577,v1=,v1";
        assert_denied(&attempt);
    }
}

/* Who knows that the secret is empty could sign: printf 'Hello, World!' | openssl dgst -sha256 -hmac '' */
static void an_empty_secret_signs_nothing(void **state)
{
    (void)state;
    struct attempt attempt = github;
    attempt.secret = "";
    attempt.given.values[0] = "sha256=2bbcfa9524f3218c7a34b30e6936f8b1a4516cb097f1a85a1c7d98b5977ec769";
    assert_denied(&attempt);
}

static void a_digest_cut_short_is_denied(void **state)
{
    (void)state;
    struct attempt attempt = github;
    attempt.given.values[0] = "sha256=757107ea0eb2509fc211221cce984b8a";
    assert_denied(&attempt);
    attempt.given.values[0] = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1700";
    assert_denied(&attempt);
}

static void an_old_or_future_signature_is_denied(void **state)
{
    (void)state;
    struct attempt attempt = slack;
    attempt.now_s = 1531420618 + 301;
    assert_denied(&attempt);
    attempt.now_s = 1531420618 - 301;
    assert_denied(&attempt);
    attempt = stripe;
    attempt.now_s = 1492774577 + 301;
    assert_denied(&attempt);
    static const char *const times[] = { "", "-1", "soon", "9223372036854775807", "99999999999999999999" };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        attempt = slack;
        attempt.given.values[1] = times[i];
        assert_denied(&attempt);
    }
}

static void one_of_several_stripe_signatures_is_enough(void **state)
{
    (void)state;
    struct attempt attempt = stripe;
    attempt.given.values[0] = " v1=0000000000000000000000000000000000000000000000000000000000000000 ,"
                              " v1=799c4ba7bb339f3c8601adfd112f0e477c930a268be1243d341abb8286501c2f, "
                              "t=1492774577";
    assert_good(&attempt);
}

static void a_source_without_a_scheme_takes_no_signature(void **state)
{
    (void)state;
    struct attempt attempt = github;
    attempt.hmac.scheme = HMAC_NONE;
    assert_denied(&attempt);
}

/* ---- through ingest: the secret comes from the vault ---- */

static enum err store_secret(void *context, struct store_conn *conn, struct err_info *why)
{
    struct world *world = context;
    struct principal by = principal_system(TENANT_DEFAULT);
    return secret_set(world->vault, conn, &by, STR("github-webhook"), STR("It's a Secret to Everybody"), why);
}

static enum err authenticate(struct world *world, const char *source, struct principal *ret)
{
    struct given given = github.given;
    given.source.get = get;
    return ingest_authenticate(
        world->ingest, TENANT_DEFAULT, str_of(source), STR("Hello, World!"), &given.source, ret, &world->why);
}

static enum err authenticate_hook(struct world *world, struct given given, struct principal *ret)
{
    given.source.get = get;
    return ingest_authenticate_hook(world->ingest, TENANT_DEFAULT, STR("github-webhook"),
        STR("Hello, World!"), &given.source, ret, &world->why);
}

static void a_signed_source_is_its_own_principal(void **state)
{
    struct world *world = *state;
    struct principal principal = { 0 };
    world_load(world, "source: forge\nhmac: { scheme: github, secret: github-webhook }\n");
    assert_true(ingest_takes_signatures(world->ingest, STR("forge")));
    assert_false(ingest_takes_signatures(world->ingest, STR("door")));
    /* Before the secret is set. */
    assert_int_equal(authenticate(world, "forge", &principal), ERR_DENIED);
    test_check(store_write_wait(world->store, store_secret, world, &world->why), &world->why);
    test_check(authenticate(world, "forge", &principal), &world->why);
    assert_int_equal(principal.kind, PRINCIPAL_SOURCE);
    assert_int_equal(principal.tenant, TENANT_DEFAULT);
    assert_true(str_equal(principal_name(&principal), STR("forge")));
    assert_int_equal(authenticate(world, "door", &principal), ERR_DENIED);
    assert_int_equal(authenticate(world, "generic", &principal), ERR_DENIED);
}

static void a_webhook_is_called_with_its_secret_or_a_signature(void **state)
{
    struct world *world = *state;
    struct principal principal = { 0 };
    struct given token = { .names = { "X-Tocsin-Token" }, .values = { "It's a Secret to Everybody" } };
    struct given wrong = { .names = { "X-Tocsin-Token" }, .values = { "It's a Secret" } };
    assert_int_equal(authenticate_hook(world, token, &principal), ERR_DENIED);
    test_check(store_write_wait(world->store, store_secret, world, &world->why), &world->why);
    test_check(authenticate_hook(world, token, &principal), &world->why);
    assert_true(str_equal(principal_name(&principal), STR("webhook")));
    test_check(authenticate_hook(world, github.given, &principal), &world->why);
    assert_int_equal(authenticate_hook(world, wrong, &principal), ERR_DENIED);
    assert_int_equal(authenticate_hook(world, (struct given){ 0 }, &principal), ERR_DENIED);
    /* A signature that does not fit is not mended by knowing how to ask. */
    assert_int_equal(authenticate_hook(world, jira.given, &principal), ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples_verify),
        cmocka_unit_test(a_header_of_ones_own_has_prefix_encoding_and_algorithm),
        cmocka_unit_test(another_body_secret_or_digest_is_denied),
        cmocka_unit_test(an_empty_secret_signs_nothing),
        cmocka_unit_test(a_digest_cut_short_is_denied),
        cmocka_unit_test(an_old_or_future_signature_is_denied),
        cmocka_unit_test(one_of_several_stripe_signatures_is_enough),
        cmocka_unit_test(a_source_without_a_scheme_takes_no_signature),
        cmocka_unit_test_setup_teardown(a_signed_source_is_its_own_principal, world_make, world_free),
        cmocka_unit_test_setup_teardown(
            a_webhook_is_called_with_its_secret_or_a_signature, world_make, world_free),
    };
    return cmocka_run_group_tests_name("ingest_hmac", tests, NULL, NULL);
}
