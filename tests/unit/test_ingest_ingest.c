/* From a request to rows: what is accepted is whole, what is refused leaves nothing. */
#include "ingest_world.h"

static void an_accepted_event_is_kept_with_its_bytes_its_alert_and_its_fate(void **state)
{
    struct world *world = *state;
    const char *body = "  {\"title\": \"Odd login\",  \"src_ip\":\"203.0.113.9\"} ";
    struct intake_event *event = send_one(world, "door", body);
    assert_int_equal(event->fate, INTAKE_NO_TRIGGER);
    struct value shown = show(world, event->event_id);
    assert_json(shown, "source", "\"door\"");
    assert_json(shown, "raw", "\"{\\\"title\\\": \\\"Odd login\\\",  \\\"src_ip\\\":\\\"203.0.113.9\\\"}\"");
    assert_json(shown, "event.title", "\"Odd login\"");
    assert_json(shown, "fate", "\"no_trigger\"");
    assert_json(shown, "fate_detail", "null");
    assert_json(shown, "flags", "[]");
    assert_json(shown, "runs", "[]");
    assert_json(shown, "content_type", "\"application/json\"");
    assert_json(shown, "received", "\"2026-05-28T20:26:40.000Z\"");
    assert_json(shown, "alert.finding_info.title", "\"Odd login\"");
    assert_json(shown, "alert.source", "\"door\"");
    assert_true(value_equal(value_get(shown, STR("alert_id")), value_path(shown, STR("alert.id"))));
}

static void a_repeat_inside_the_window_raises_the_count_of_the_alert_that_stands(void **state)
{
    struct world *world = *state;
    struct intake_event *first = send_one(world, "probe", "{\"key\":\"a\",\"severity\":\"low\"}");
    clock_manual_advance(&world->clock, 10 * US_PER_MIN - 1);
    struct intake_event *repeat = send_one(world, "probe", "{\"key\":\"a\",\"severity\":\"high\"}");
    struct intake_event *other = send_one(world, "probe", "{\"key\":\"b\"}");
    assert_int_equal(repeat->fate, INTAKE_MERGED);
    assert_true(id_equal(repeat->alert_id, first->alert_id));
    assert_json(repeat->alert, "count", "2");
    assert_int_equal(other->fate, INTAKE_NO_TRIGGER);
    struct value alert = alert_of(world, first->alert_id);
    assert_json(alert, "count", "2");
    assert_json(alert, "severity", "\"High\"");
    assert_json(show(world, repeat->event_id), "fate", "\"merged\"");
    assert_int_equal(number_of(world, "SELECT count(*) FROM cases_alerts"), 2);
}

static void the_window_counts_from_the_first_event(void **state)
{
    struct world *world = *state;
    struct intake_event *first = send_one(world, "probe", "{\"key\":\"a\"}");
    clock_manual_advance(&world->clock, 6 * US_PER_MIN);
    assert_int_equal(send_one(world, "probe", "{\"key\":\"a\"}")->fate, INTAKE_MERGED);
    clock_manual_advance(&world->clock, 6 * US_PER_MIN);
    struct intake_event *later = send_one(world, "probe", "{\"key\":\"a\"}");
    assert_int_equal(later->fate, INTAKE_NO_TRIGGER);
    assert_false(id_equal(later->alert_id, first->alert_id));
}

static void repeats_inside_one_request_merge_too(void **state)
{
    struct world *world = *state;
    struct sent *sent = send_text(
        world, "probe", "application/json", "[{\"key\":1},{\"key\":1},{\"key\":2},{\"key\":1}]");
    const struct intake_event *events = sent->request.batch.events;
    assert_int_equal(sent->result, ERR_OK);
    assert_int_equal(sent->request.batch.event_count, 4);
    assert_int_equal(events[0].fate, INTAKE_NO_TRIGGER);
    assert_int_equal(events[1].fate, INTAKE_MERGED);
    assert_int_equal(events[2].fate, INTAKE_NO_TRIGGER);
    assert_int_equal(events[3].fate, INTAKE_MERGED);
    assert_json(alert_of(world, events[0].alert_id), "count", "3");
    assert_int_equal(events_stored(world), 4);
}

static void another_source_or_tenant_never_merges(void **state)
{
    struct world *world = *state;
    struct intake_event *first = send_one(world, "probe", "{\"key\":\"a\"}");
    struct sent sent = { .request = { .tenant = 2,
                             .source = STR("probe"),
                             .content_type = STR("application/json"),
                             .body = STR("{\"key\":\"a\"}"),
                             .arena = &world->arena,
                             .accepted = sent_accepted,
                             .context = &sent } };
    ingest_receive(world->ingest, &sent.request);
    assert_int_equal(sent.result, ERR_OK);
    assert_int_equal(sent.request.batch.events[0].fate, INTAKE_NO_TRIGGER);
    struct reading foreign = { .run = show_run, .id = first->event_id, .tenant = 2 };
    assert_int_equal(world_read(world, &foreign), ERR_NOT_FOUND);
}

static void an_event_without_any_part_of_its_fingerprint_never_merges(void **state)
{
    struct world *world = *state;
    assert_int_equal(send_one(world, "probe", "{\"other\":1}")->fate, INTAKE_NO_TRIGGER);
    assert_int_equal(send_one(world, "probe", "{\"other\":1}")->fate, INTAKE_NO_TRIGGER);
}

static void repeated_keys_are_flagged_and_the_last_counts(void **state)
{
    struct world *world = *state;
    struct intake_event *event = send_one(world, "door", "{\"a\":{\"b\":1,\"b\":2}}");
    struct value shown = show(world, event->event_id);
    assert_json(shown, "event", "{\"a\":{\"b\":2}}");
    assert_json(shown, "flags", "[\"duplicate_keys\"]");
    assert_json(shown, "raw", "\"{\\\"a\\\":{\\\"b\\\":1,\\\"b\\\":2}}\"");
}

static void integers_stay_exact_through_the_store(void **state)
{
    struct world *world = *state;
    const char *body =
        "[-9223372036854775808,9223372036854775807,18446744073709551615,18446744073709551616,1.0]";
    struct sent *sent = send_text(world, "door", "application/json", body);
    static const int types[] = { VALUE_INT, VALUE_INT, VALUE_UINT, VALUE_DOUBLE, VALUE_DOUBLE };
    assert_int_equal(sent->request.batch.event_count, 5);
    for (int i = 0; i < 5; i++) {
        struct value shown = show(world, sent->request.batch.events[i].event_id);
        assert_int_equal(value_get(shown, STR("event")).type, types[i]);
        assert_true(value_equal(value_get(shown, STR("event")), sent->request.batch.events[i].event));
    }
}

static void text_and_bytes_are_one_event_each(void **state)
{
    struct world *world = *state;
    struct sent *text = send_text(world, "probe", "text/plain; charset=utf-8", "[1]\nnot JSON");
    assert_int_equal(text->request.batch.event_count, 1);
    assert_json(show(world, text->request.batch.events[0].event_id), "event", "\"[1]\\nnot JSON\"");
    struct sent *bytes = send_bytes(world, "door", "application/octet-stream", STR("\xff\x00\x01"));
    struct value shown = show(world, bytes->request.batch.events[0].event_id);
    assert_json(shown, "raw", "\"/wAB\"");
    assert_json(shown, "raw_encoding", "\"base64\"");
    assert_int_equal(value_get(shown, STR("event")).type, VALUE_BYTES);
}

static void large_raw_bytes_come_back_from_the_blob_store(void **state)
{
    struct world *world = *state;
    AUTO(buf) struct buf body = { 0 };
    buf_add_text(&body, "{\"text\":\"");
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&body, (char)('a' + i % 26));
    buf_add_text(&body, "\"}");
    struct sent *sent = send_bytes(world, "door", "application/json", buf_str(&body));
    test_check(sent->result, &sent->why);
    struct value shown = show(world, sent->request.batch.events[0].event_id);
    assert_true(value_is_text(value_get(shown, STR("raw")), buf_str(&body)));
}

static void an_empty_array_accepts_nothing_and_is_fine(void **state)
{
    struct world *world = *state;
    struct sent *sent = send_text(world, "door", "application/json", " [ ] ");
    assert_int_equal(sent->result, ERR_OK);
    assert_int_equal(sent->request.batch.event_count, 0);
    assert_int_equal(events_stored(world), 0);
}

static void a_fault_anywhere_stores_nothing(void **state)
{
    struct world *world = *state;
    struct sent *sent = send_text(world, "door", "application/x-ndjson", "{\"a\":1}\n{\"a\":2}\n{\"a\":}\n");
    assert_int_equal(sent->result, ERR_INVALID);
    assert_int_equal(sent->why.line, 3);
    assert_non_null(strstr(sent->why.text, "line 3"));
    assert_int_equal(events_stored(world), 0);
    assert_int_equal(number_of(world, "SELECT count(*) FROM cases_alerts"), 0);
}

static void a_type_that_the_source_does_not_list_is_refused(void **state)
{
    struct world *world = *state;
    struct sent *sent = send_text(world, "probe", "text/csv", "a,b");
    assert_int_equal(sent->result, ERR_INVALID);
    assert_string_equal(sent->why.name, "content_type");
    assert_int_equal(send_text(world, "door", "text/csv", "a,b")->result, ERR_OK);
}

static void a_bad_source_name_is_refused(void **state)
{
    struct world *world = *state;
    assert_string_equal(send_text(world, "No Such", "", "{}")->why.name, "source");
    assert_string_equal(send_text(world, "", "", "{}")->why.name, "source");
}

static void past_the_rate_is_refused_with_a_time_and_works_again_then(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 10);
    struct sent *sent = send_text(&world, "door", "", "[1,2,3,4,5,6,7,8]");
    assert_int_equal(sent->result, ERR_OK);
    sent = send_text(&world, "door", "", "[1,2,3,4]");
    assert_int_equal(sent->result, ERR_LIMIT);
    assert_string_equal(sent->why.name, "ingest_rate");
    assert_in_range(sent->request.retry_after_us, 200000, 200002);
    assert_int_equal(events_stored(&world), 8);
    clock_manual_advance(&world.clock, sent->request.retry_after_us);
    assert_int_equal(send_text(&world, "door", "", "[1,2,3,4]")->result, ERR_OK);
    /* More than a burst goes in when the bucket is full, and is paid back. */
    clock_manual_advance(&world.clock, US_PER_S);
    assert_int_equal(send_text(&world, "door", "", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]")->result, ERR_OK);
    sent = send_text(&world, "door", "", "[1]");
    assert_int_equal(sent->result, ERR_LIMIT);
    assert_in_range(sent->request.retry_after_us, 600000, 600002);
    /* A quiet hour saves up no more than a burst. */
    clock_manual_advance(&world.clock, US_PER_HOUR);
    assert_int_equal(send_text(&world, "door", "", "[1,2,3,4,5,6,7,8,9,10]")->result, ERR_OK);
    assert_int_equal(send_text(&world, "door", "", "[1]")->result, ERR_LIMIT);
    ingest_free(world.ingest);
    vault_close(world.vault);
    store_close(world.store);
    arena_done(&world.arena);
    test_folder_remove(&world.folder);
}

/* A pool that runs its tasks when told to, or is full. */
struct slow_pool {
    struct executor executor;
    struct executor_task *waiting;
    bool is_full;
};

static enum err slow_submit(struct executor *executor, struct executor_task *task, struct err_info *why)
{
    struct slow_pool *pool = (struct slow_pool *)executor;
    if (pool->is_full)
        return err_set(why, ERR_LIMIT, "the pool is full");
    pool->waiting = task;
    return ERR_OK;
}

static void a_large_body_is_mapped_off_the_loop(void **state)
{
    static const struct executor_ops ops = { .submit = slow_submit };
    struct world *world = *state;
    struct slow_pool pool = { .executor = { .ops = &ops } };
    struct loop *loop;
    struct ingest *ingest;
    struct sent sent = { 0 };
    AUTO(buf) struct buf body = { 0 };
    while (body.size <= INGEST_INLINE_BYTES_MAX)
        buf_add_text(&body, "{\"title\":\"one of many\"}\n");
    struct ingest_options options = { .clock = &world->clock.clock,
        .rand = &world->rand.rand,
        .intake = &world->direct.intake,
        .executor = &pool.executor };
    test_check(loop_new(clock_system(), &loop, &world->why), &world->why);
    test_check(ingest_new(&options, &ingest, &world->why), &world->why);
    sent.request = (struct ingest_request){ .tenant = TENANT_DEFAULT,
        .source = STR("door"),
        .content_type = STR("application/x-ndjson"),
        .body = buf_str(&body),
        .arena = &world->arena,
        .accepted = sent_accepted,
        .reply_to = loop,
        .context = &sent };
    ingest_receive(ingest, &sent.request);
    assert_non_null(pool.waiting);
    assert_int_equal(sent.answers, 0);
    pool.waiting->work(pool.waiting);
    assert_int_equal(events_stored(world), 0);
    pool.waiting->done(pool.waiting);
    (void)loop_drain(loop);
    assert_int_equal(sent.answers, 1);
    assert_int_equal(events_stored(world), sent.request.batch.event_count);
    /* A full pool refuses nobody. */
    pool.is_full = true;
    ingest_receive(ingest, &sent.request);
    (void)loop_drain(loop);
    assert_int_equal(sent.answers, 2);
    assert_int_equal(events_stored(world), 2 * sent.request.batch.event_count);
    ingest_free(ingest);
    loop_free(loop);
}

/* An intake that keeps what it is offered. */
struct lazy {
    struct intake intake;
    struct intake_batch *batches[64];
    unsigned count;
};

static void lazy_offer(struct intake *intake, struct intake_batch *batch)
{
    struct lazy *lazy = (struct lazy *)intake;
    assert_true(lazy->count < 64);
    lazy->batches[lazy->count++] = batch;
}

static void more_than_fits_into_memory_is_refused_until_there_is_room(void **state)
{
    struct world *world = *state;
    struct lazy lazy = { .intake = { .offer = lazy_offer } };
    struct ingest *ingest;
    struct sent sent[64] = { 0 };
    AUTO(buf) struct buf body = { 0 };
    struct ingest_options options = {
        .clock = &world->clock.clock, .rand = &world->rand.rand, .intake = &lazy.intake
    };
    test_check(ingest_new(&options, &ingest, &world->why), &world->why);
    while (body.size < 4 * MIB)
        buf_add_text(&body, "all work and no play makes a long body");
    unsigned last = 0;
    for (; last < 64 && sent[last].result == ERR_OK; last++) {
        sent[last].request = (struct ingest_request){ .tenant = TENANT_DEFAULT,
            .source = STR("door"),
            .content_type = STR("text/plain"),
            .body = buf_str(&body),
            .arena = &world->arena,
            .accepted = sent_accepted,
            .context = &sent[last] };
        ingest_receive(ingest, &sent[last].request);
        if (sent[last].answers > 0)
            break;
    }
    assert_int_equal(last, INGEST_PENDING_BYTES_MAX / body.size);
    assert_int_equal(sent[last].result, ERR_UNAVAILABLE);
    assert_string_equal(sent[last].why.name, "INGEST_PENDING_BYTES_MAX");
    lazy.batches[0]->accepted(lazy.batches[0], ERR_OK, NULL);
    ingest_receive(ingest, &sent[last].request);
    assert_int_equal(sent[last].answers, 1); /* the refusal alone: this time it is under way */
    for (unsigned i = 1; i < lazy.count; i++)
        lazy.batches[i]->accepted(lazy.batches[i], ERR_OK, NULL);
    assert_int_equal(sent[last].answers, 2);
    ingest_free(ingest);
}

static void a_webhooks_event_is_recorded_and_becomes_no_alert(void **state)
{
    struct world *world = *state;
    struct sent sent = { .request = { .tenant = TENANT_DEFAULT,
                             .source = STR("webhook"),
                             .hook = STR("deploy"),
                             .content_type = STR("application/json"),
                             .body = STR("{\"title\":\"a call, no alert\"}"),
                             .arena = &world->arena,
                             .accepted = sent_accepted,
                             .context = &sent } };
    ingest_receive(world->ingest, &sent.request);
    assert_int_equal(sent.result, ERR_OK);
    struct value shown = show(world, sent.request.batch.events[0].event_id);
    assert_json(shown, "source", "\"webhook\"");
    assert_json(shown, "alert_id", "null");
    assert_json(shown, "alert", "null");
    assert_json(shown, "received", "\"2026-05-28T20:26:40.000Z\"");
    assert_int_equal(number_of(world, "SELECT count(*) FROM cases_alerts"), 0);
}

struct tally {
    uint64_t probe, door, syntax, by_hand;
};

static void tally(void *context, bool is_accepted, struct str label, uint64_t count)
{
    struct tally *tally = context;
    if (is_accepted && str_equal(label, STR("probe")))
        tally->probe += count;
    if (is_accepted && str_equal(label, STR("door")))
        tally->door += count;
    if (!is_accepted && str_starts(label, STR("json_")))
        tally->syntax += count;
    if (!is_accepted && str_equal(label, STR("token")))
        tally->by_hand += count;
}

static void counters_tell_what_was_accepted_and_refused(void **state)
{
    struct world *world = *state;
    struct tally counted = { 0 };
    (void)send_text(world, "probe", "", "[1,2,3]");
    (void)send_text(world, "door", "", "{}");
    (void)send_text(world, "door", "", "{");
    ingest_count_rejected(world->ingest, "token");
    ingest_metrics(world->ingest, tally, &counted);
    assert_int_equal(counted.probe, 3);
    assert_int_equal(counted.door, 1);
    assert_int_equal(counted.syntax, 1);
    assert_int_equal(counted.by_hand, 1);
}

static void past_the_labels_sources_are_counted_together(void **state)
{
    struct world *world = *state;
    struct tally counted = { 0 };
    for (int i = 0; i < INGEST_LABELS_MAX + 20; i++) {
        char *name = test_path(&world->folder, "");
        snprintf(name, 20, "s%d", i);
        assert_int_equal(send_text(world, name, "", "{}")->result, ERR_OK);
    }
    ingest_metrics(world->ingest, tally, &counted);
    assert_int_equal(events_stored(world), INGEST_LABELS_MAX + 20);
}

static void sources_with_a_fault_leave_the_old_ones(void **state)
{
    struct world *world = *state;
    struct source_file file = { STR("bad.yaml"), STR("source: bad\nmapping: {no_such_field: event.a}\n") };
    struct diagnostics found;
    diagnostics_init(&found, &world->arena, STR(""));
    assert_int_equal(ingest_load(world->ingest, &file, 1, &found, &world->why), ERR_INVALID);
    const struct sources *sources = ingest_acquire_sources(world->ingest);
    assert_non_null(sources_find(sources, STR("probe")));
    world_load(world, "source: other\ntitle: Other\n");
    /* Still good, although newer ones stand. */
    assert_non_null(sources_find(sources, STR("probe")));
    ingest_release_sources(world->ingest, sources);
    sources = ingest_acquire_sources(world->ingest);
    assert_null(sources_find(sources, STR("probe")));
    ingest_release_sources(world->ingest, sources);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_accepted_event_is_kept_with_its_bytes_its_alert_and_its_fate),
        TEST(a_repeat_inside_the_window_raises_the_count_of_the_alert_that_stands),
        TEST(the_window_counts_from_the_first_event),
        TEST(repeats_inside_one_request_merge_too),
        TEST(another_source_or_tenant_never_merges),
        TEST(an_event_without_any_part_of_its_fingerprint_never_merges),
        TEST(repeated_keys_are_flagged_and_the_last_counts),
        TEST(integers_stay_exact_through_the_store),
        TEST(text_and_bytes_are_one_event_each),
        TEST(large_raw_bytes_come_back_from_the_blob_store),
        TEST(an_empty_array_accepts_nothing_and_is_fine),
        TEST(a_fault_anywhere_stores_nothing),
        TEST(a_type_that_the_source_does_not_list_is_refused),
        TEST(a_bad_source_name_is_refused),
        cmocka_unit_test(past_the_rate_is_refused_with_a_time_and_works_again_then),
        TEST(a_large_body_is_mapped_off_the_loop),
        TEST(more_than_fits_into_memory_is_refused_until_there_is_room),
        TEST(a_webhooks_event_is_recorded_and_becomes_no_alert),
        TEST(counters_tell_what_was_accepted_and_refused),
        TEST(past_the_labels_sources_are_counted_together),
        TEST(sources_with_a_fault_leave_the_old_ones),
    };
    return cmocka_run_group_tests_name("ingest_ingest", tests, NULL, NULL);
}
