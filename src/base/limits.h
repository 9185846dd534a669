/* Every limit has its name here. The name is what errors, docs and configuration call it. */
#ifndef TOCSIN_BASE_LIMITS_H
#define TOCSIN_BASE_LIMITS_H

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)

/* base */
#define ARENA_BYTES_MAX_DEFAULT (256 * MIB)
#define BUF_BYTES_MAX_DEFAULT (256 * MIB)
#define VALUE_DEPTH_MAX 256 /* above JSON_DEPTH_MAX: what was read gets wrapped */
#define JSON_DEPTH_MAX 128
#define YAML_BYTES_MAX (4 * MIB)
#define YAML_DEPTH_MAX 64
#define YAML_NODES_MAX 200000
#define YAML_ALIASES_MAX 1000 /* expansions, so that alias bombs end early */
#define LOG_VALUE_BYTES_MAX 2048 /* of one field; longer ones are cut */
#define LOG_LINE_BYTES_MAX (128 * KIB)
#define ZONE_FILE_BYTES_MAX (256 << 10)
#define ZONE_NAME_BYTES_MAX 64
#define ZONES_MAX 1500 /* names in use at a time; the system has about 600 */

/* expr */
#define EXPR_SOURCE_BYTES_MAX (64 * KIB)
#define EXPR_DEPTH_MAX 250
#define EXPR_COST_MAX 1000000 /* units of one evaluation */
#define EXPR_STRING_BYTES_MAX (16 * MIB)
#define IOCS_PER_KIND_MAX 10000
#define EXPR_PATTERN_BYTES_MAX 8192 /* of a regular expression */
#define EXPR_PATTERNS_MAX 256 /* that stand in one expression: each holds memory of its own */

/* ingest and api */
#define EVENT_BODY_BYTES_MAX (8 * MIB) /* ingest.body_max */
#define EVENTS_PER_REQUEST_MAX 10000
#define API_BODY_BYTES_MAX (1 * MIB)
#define HOOK_TOLERANCE_SECONDS 300 /* how old a webhook's signature may be */
#define IDEMPOTENCY_KEY_BYTES_MAX 255
#define IDEMPOTENCY_SECONDS 86400 /* for how long an answer is kept for its key */
#define OUTBOX_ENTRIES_KEPT 200000 /* how far back the event stream can be resumed */
#define HTTP_HEADER_BYTES_MAX (32 * KIB)
#define HTTP_CONNECTIONS_MAX 4096
#define HTTP_REQUEST_SECONDS_MAX 30 /* from the first byte to the last of a request */
#define HTTP_IDLE_SECONDS_MAX 75 /* of a kept-alive connection between two requests */
#define HTTP_HEADERS_MAX 100
#define HTTP_TARGET_BYTES_MAX (8 * KIB)
#define HTTP_CHUNK_EXTRA_BYTES_MAX (16 * KIB) /* chunk extensions and trailers of one body */
#define HTTP_DRAIN_BYTES_MAX (16 * MIB) /* of a body that is refused but read to keep the connection good */
#define HTTP_SLOW_SECONDS 2 /* after which an unfinished request or handshake may have to make room */
#define HTTP_LINGER_SECONDS 2 /* that a refused peer gets to read why before the socket closes */
#define HTTP_BODIES_BYTES_MAX (256 * MIB) /* of all requests that one server holds at a time */
#define LIST_LIMIT_DEFAULT 50
#define LIST_LIMIT_MAX 1000
#define STREAM_ENTRIES_MAX 200 /* of one read of an event stream */
#define STREAM_BATCH_BYTES_MAX (256 * KIB) /* of one read, at which it ends */
#define STREAM_PENDING_BYTES_MAX (4 * MIB) /* that a slow reader may leave waiting before its stream ends */
#define WAIT_SECONDS_MAX 300 /* of ?wait= */
#define WAIT_RUNS_MAX 1000 /* that one request waits for; of more the answer shows what is known */

/* playbook and run */
#define PLAYBOOK_STEPS_MAX 5000
#define PLAYBOOK_NESTING_MAX 32
#define RUN_TURNS_MAX 100000 /* journal records of one run */
#define RUN_STEPS_MAX 100000 /* step executions of one run */
#define RUN_BYTES_MAX (64 * MIB) /* state of one run in memory */
#define RUN_SECONDS_MAX (90 * 86400) /* when the playbook gives no timeout */
#define RUN_DEPTH_MAX 8 /* sub-playbooks inside sub-playbooks */
#define LOOP_ITEMS_MAX 100000
#define PARALLEL_MAX 256
#define RETRY_ATTEMPTS_MAX 100
#define RUN_RESERVE 1000 /* turns and steps past a limit that `finally` and `on_failure` still get */
#define RUN_CLEANUP_SECONDS_MAX 3600 /* that they get after a cancel or a timeout */
#define TURN_STEPS_MAX 500 /* step executions of one turn; then it is committed and goes on */
#define TURN_BYTES_MAX (1 * MIB) /* of one journal record, likewise */
#define RUNS_ACTIVE_MAX 20000 /* runs in the memory of one shard; past it events are refused */
#define RUNS_WARM_MAX 512 /* parked runs that a shard keeps in memory, the last used ones */
#define RUNS_WARM_BYTES_MAX (8 * MIB)
#define JOURNAL_SNAPSHOT_RECORDS 1000 /* records after which a run's whole state is written */
/* Times of a journal, before and after 1970: they are added and subtracted without a look at their sizes. */
#define JOURNAL_TIME_US_MAX (INT64_MAX / 4)
#define TIMER_WINDOW_SECONDS 600 /* timers of parked runs that are due within it are in memory */
#define CALL_GRACE_SECONDS 10 /* that a cancelled call gets before it is given up */
#define RETRY_AFTER_SECONDS_MAX 3600
#define VIEW_STEPS_MAX 5000 /* steps that one answer about a run shows */
#define VIEW_BYTES_MAX (16 * MIB) /* of their inputs, outputs and errors; past it they are left out */
#define TASK_TEXT_BYTES_MAX (64 * KIB) /* of an answer to a task */
#define SUBSCRIPTIONS_MAX 200000 /* `wait: {event:}` at one time */
#define UNDO_ATTEMPTS_MAX 10 /* of a containment, before a person is asked */

/* connect */
#define CALLS_OUT_MAX \
    3000 /* over HTTP, of one process; others wait. Each holds secrets in pages of their own */
#define ANSWER_BYTES_MAX (16 * MIB)
#define ANSWER_RATIO_MAX \
    200 /* times its size on the wire that an answer past ANSWER_RATIO_BYTES may unpack to */
#define ANSWER_RATIO_BYTES (1 * MIB)
#define ANSWER_VALUES_MAX 1000000 /* of JSON in one answer: each takes some 16 to 64 bytes */
#define ANSWER_INLINE_BYTES_MAX (64 * KIB) /* of an answer that is read on the shard's own loop: a ms */
#define ANSWERS_READING_BYTES_MAX (64 * MIB) /* of answers that wait to be read beside the loops, or are */
#define ANSWER_HEADER_BYTES_MAX (128 * KIB)
#define CALL_SECONDS_DEFAULT 30
#define CALL_SECONDS_MAX 3600
#define REDIRECTS_MAX 5
#define MAIL_MESSAGE_BYTES_MAX (24 * MIB) /* as it goes over the wire */
#define PAGES_MAX 1000
#define JQ_INPUT_BYTES_MAX (8 * MIB)
#define JQ_OUTPUT_BYTES_MAX (8 * MIB)

/* store */
#define BLOB_INLINE_BYTES_MAX (64 * KIB) /* larger payloads go to the blob store */
#define COMMIT_OPS_MAX 2000 /* of one group commit */
#define STORE_QUEUE_MAX 100000 /* operations that wait for the writer */
/* Of the write-ahead log, at which it is copied into the database. With 4096 the copying doubled the 99th
 * percentile at 3,000 runs a second, and made no more of them. */
#define STORE_LOG_PAGES 1024
#define STORE_LOCK_WAIT_MS 1000 /* for another server's lock to go */
#define OUTBOX_TOPIC_BYTES_MAX 64

/* access */
#define PRINCIPAL_NAME_BYTES_MAX 128
#define PRINCIPAL_REMOTE_BYTES_MAX 63
#define SCOPE_SOURCES_BYTES_MAX 512 /* names of the sources of one token's ingest scopes */
#define SECRET_BYTES_MAX (64 * KIB)
#define SECRET_NAME_BYTES_MAX 128
#define CONNECTION_NAME_BYTES_MAX 64
#define CONNECTION_SETTINGS_BYTES_MAX (64 * KIB)
#define AUDIT_VALUE_BYTES_MAX (64 * KIB) /* of before and after, each */
#define AUDIT_ANCHOR_SECONDS 300
#define TOKEN_USES_SECONDS 60
#define SETUP_SECONDS_MAX 86400 /* a set-up link's life */

/* cases */
#define ALERT_SCAN_MAX 20000 /* alerts or cases that one list call with a text or an owner looks at */
#define ALERT_TITLE_BYTES_MAX 512 /* longer ones are cut */
#define CASE_TITLE_BYTES_MAX 512
#define CASE_SUMMARY_BYTES_MAX (64 * KIB)
#define CASE_ALERTS_MAX 10000 /* of one case */
#define COMMENT_BYTES_MAX (64 * KIB)
#define TAGS_MAX 100 /* of one alert or case */
#define TAG_BYTES_MAX 128
#define SUBJECT_OBSERVABLES_MAX 10000 /* added by people and playbooks to one alert or case */
#define OBSERVABLE_VALUE_BYTES_MAX 2048
#define ACTIVITY_SHOWN_MAX 1000 /* newest lines of a timeline in one answer */
#define CHANGE_KEY_BYTES_MAX 256

/* ingest */
#define SOURCE_NAME_BYTES_MAX 64
#define SOURCE_FIELDS_MAX 200 /* of one source's mapping */
#define SOURCES_MAX 1000
#define MAPPING_NODES_MAX 20000 /* of one event that are looked at for titles, times, observables */
#define MAPPING_SCAN_BYTES_MAX (256 * KIB) /* of an event's texts that are searched for observables */
#define ALERT_OBSERVABLES_MAX 200 /* found in one event */
#define FINGERPRINT_PARTS_MAX 16
#define INGEST_PENDING_BYTES_MAX \
    (32 * MIB) /* of bodies between receipt and answer; they take 30 times as much */
#define INGEST_INLINE_BYTES_MAX (64 * KIB) /* of a body that is mapped on the server's own loop: some ms */
#define SUPPRESSIONS_MAX 500 /* in force at a time */
#define SUPPRESSION_DAYS_MAX 366 /* of one rule's life */
#define SUPPRESSION_TEXT_BYTES_MAX 4096 /* of its expression, of its reason */
#define INGEST_LABELS_MAX 100 /* sources with a counter of their own */

#endif
