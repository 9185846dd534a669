#include "playbook/lint_code.h"

/* Sorted by code. */
static const struct lint_code codes[] = {
    { "action_name", DIAGNOSTIC_ERROR, "An action's name is not connector.action",
        "`do:` names the connector and its action with a dot between them: `do: "
        "abuseipdb.check_ip`." },
    { "bad_header", DIAGNOSTIC_ERROR, "A header that a connector may not set",
        "Host, Content-Length, Connection and the like belong to the connection itself; a name is made of "
        "letters, digits and `-`.",
        LINT_IN_CONNECTOR },
    { "bad_name", DIAGNOSTIC_ERROR, "A name with letters that can't be in it",
        "Lower case letters, digits and `_`, with a letter in front.", LINT_IN_CONNECTOR },
    { "bad_paging", DIAGNOSTIC_ERROR, "`paging` does not say how to go on",
        "Give one of `cursor`, `next` and `number`, and `items`: where an answer has its list.",
        LINT_IN_CONNECTOR },
    { "bad_path", DIAGNOSTIC_ERROR, "A path that is no path",
        "It begins with `/` and holds no `?` and no `#`: parameters go under `query`.", LINT_IN_CONNECTOR },
    { "bad_shape", DIAGNOSTIC_ERROR, "A list, a mapping or a single value in the wrong place",
        "The message says which is expected.", LINT_IN_CONNECTOR },
    { "bad_url", DIAGNOSTIC_ERROR, "A base URL that is none",
        "`https://host` with a port and a path if need be, without parameters.", LINT_IN_CONNECTOR },
    { "bad_value", DIAGNOSTIC_ERROR, "A value that can't stand here", "The message says what can.",
        LINT_IN_CONNECTOR },
    { "bool_expected", DIAGNOSTIC_ERROR, "true or false is needed here",
        "Write `true` or `false` without quotes." },
    { "condition_type", DIAGNOSTIC_ERROR, "A condition that is neither true nor false",
        "`if`, `when`, `while`, the `when` of cases and triggers' filters need a bool: compare the value "
        "with something, as in `vars.score > 80`." },
    { "contain_without_undo", DIAGNOSTIC_WARNING, "A containment that nothing can end",
        "The action declares no undo, so what it does stays until a person ends it by hand. Use "
        "an action that has an undo, or see that a later step ends it." },
    { "cron_syntax", DIAGNOSTIC_ERROR, "A schedule that crontab does not know",
        "Five parts: minute, hour, day, month, weekday, such as `0 6 * * mon-fri`, or `@daily`." },
    { "duplicate_id", DIAGNOSTIC_ERROR, "Two steps have one id",
        "`steps.ID` must mean one step. Give each its own id; a step that nothing refers to "
        "needs none." },
    { "expr_check", DIAGNOSTIC_ERROR, "An expression's names or types do not fit",
        "The message names what is not known or what types do not go together, with the nearest "
        "known name." },
    { "expr_limit", DIAGNOSTIC_ERROR, "An expression past a limit",
        "EXPR_SOURCE_BYTES_MAX bytes and EXPR_DEPTH_MAX levels are allowed. Set parts of it as variables "
        "first." },
    { "expr_parse", DIAGNOSTIC_ERROR, "An expression is no CEL",
        "The message says what was expected at that place. Texts need quotes inside an "
        "expression, too." },
    { "expr_type", DIAGNOSTIC_ERROR, "An expression gives another type than is needed",
        "A condition gives true or false.", LINT_IN_CONNECTOR },
    { "expression_marked", DIAGNOSTIC_ERROR, "${{ }} where a bare expression stands",
        "`if`, `when`, `while`, `switch`, `for_each` and triggers' filters hold an expression "
        "already: leave out `${{` and `}}`." },
    { "expression_missing", DIAGNOSTIC_ERROR, "An expression is missing",
        "Write a CEL expression at this key, or leave the key out." },
    { "expression_open", DIAGNOSTIC_ERROR, "${{ without }}",
        "Each `${{` needs its `}}` in the same text. An unquoted ` #` begins a comment and cuts "
        "the text: put the whole value in quotes." },
    { "file_kind", DIAGNOSTIC_ERROR, "Nothing says what a file is",
        "A playbook has `playbook:`, a connector `connector:`, a source `source:`, each with its name; tests "
        "of a playbook are in `NAME.test.yaml`. Files that look like none of these are left alone.",
        LINT_IN_FILE },
    { "lease_without_undo", DIAGNOSTIC_ERROR, "`for:` on an action that can't be undone",
        "After the span the action's undo would run; this action has none. Leave out `for:`." },
    { "list_expected", DIAGNOSTIC_ERROR, "A list is needed here",
        "Write the items below each other, each behind a `- `, or `[]` for none." },
    { "looks_like_expression", DIAGNOSTIC_WARNING, "A plain text that reads like an expression",
        "Outside of the bare places only `${{ … }}` is evaluated. Mark it, or put the text in "
        "quotes if it is meant as text." },
    { "loop_depth", DIAGNOSTIC_ERROR, "Loops are nested too deep",
        "SCOPE_LOOPS_MAX loop names can be in scope at once. Move the inner loops to a playbook "
        "of their own and `run:` it." },
    { "loop_type", DIAGNOSTIC_ERROR, "A loop over what is no list and no map",
        "`for_each` needs a list, or a map, whose items are then `{key, value}`." },
    { "lost_assignment", DIAGNOSTIC_WARNING, "An assignment that stays in its branch",
        "Branches of `parallel:` and iterations of a `for_each` with `parallel` above 1 run "
        "beside each other, so what they assign does not come out. Gather values with "
        "`collect:`." },
    { "mapping_expected", DIAGNOSTIC_ERROR, "A mapping is needed here",
        "Write `key: value` lines, or `{ key: value }`." },
    { "may_be_absent", DIAGNOSTIC_WARNING, "A field is read that may not be there",
        "Reading it fails the step then. Test `has(a.b)` first, in the same expression or in the `if` or "
        "`when` around it, or give another value: `a.?b.orValue(x)`." },
    { "may_be_null", DIAGNOSTIC_WARNING, "A value is used that may be null",
        "Test `a.b != null` first, in the same expression or in the `if` or `when` around it." },
    { "missing_field", DIAGNOSTIC_ERROR, "A field that the action or playbook needs is not given",
        "Add it under `with:`." },
    { "missing_key", DIAGNOSTIC_ERROR, "A key that must be there is not",
        "The message names the key and what it holds." },
    { "never_equal", DIAGNOSTIC_WARNING, "A comparison with a word that never comes",
        "The value is one of a few words, and this is none of them. The message lists them." },
    { "no_example", DIAGNOSTIC_WARNING, "An action without an example",
        "Examples are what is tested, what the documents show, and what `tocsin run` without --live answers.",
        LINT_IN_CONNECTOR },
    { "no_fields", DIAGNOSTIC_ERROR, "A field is taken from what has none",
        "A list has items, no fields: take one, `x[0].name`, or one from each, `x[*].name`. Texts and "
        "numbers have no fields." },
    { "no_such_field", DIAGNOSTIC_ERROR, "A field is read that is not there",
        "Check the name; the message has the nearest one. `alert` has OCSF's names, what a source sent "
        "beside them is in `event`." },
    { "no_such_file", DIAGNOSTIC_ERROR, "A test names an event that is not there",
        "Paths are relative to the test's own file.", LINT_IN_TEST },
    { "not_in_scope", DIAGNOSTIC_ERROR, "A name is read before there is a run",
        "Triggers see `event`, `alert` and `now`; inputs' defaults and the concurrency key also `case` and "
        "`inputs`. `vars`, `steps` and `run` begin with the first step." },
    { "number_expected", DIAGNOSTIC_ERROR, "A number is needed here",
        "Write a whole number within the bounds in the message, without quotes." },
    { "on_timeout", DIAGNOSTIC_ERROR, "`on_timeout` is no option of the question",
        "When nobody answers in time, the run goes on with one of the `options`, or ends with "
        "`fail`." },
    { "optional_value", DIAGNOSTIC_ERROR, "An optional value where a plain one is needed",
        "`a.?b` gives a value that may be empty, which only expressions know. Say what stands in for it: "
        "`a.?b.orValue(x)`." },
    { "output_may_be_absent", DIAGNOSTIC_WARNING, "A step's output is read although the step may have failed",
        "With `on_error` the run goes on after a failure, and then there is no output. Test "
        "`steps.ID.ok` in the same expression or in the `if` around it." },
    { "playbook_cycle", DIAGNOSTIC_WARNING, "Playbooks that call each other in a circle",
        "Calls inside calls end with an error at RUN_DEPTH_MAX. See that the circle ends before." },
    { "playbook_name", DIAGNOSTIC_ERROR, "A playbook's name is not in kebab-case",
        "Small letters, digits and single `-`: `ssh-brute-force`." },
    { "playbook_nesting", DIAGNOSTIC_ERROR, "Steps are nested too deep",
        "PLAYBOOK_NESTING_MAX levels are allowed. Move the inner ones to a playbook of their own "
        "and `run:` it." },
    { "playbook_not_callable", DIAGNOSTIC_ERROR, "A playbook is called that does not allow it",
        "Add the trigger `playbook: true` to the playbook that is called." },
    { "playbook_steps", DIAGNOSTIC_ERROR, "The playbook has too many steps",
        "PLAYBOOK_STEPS_MAX steps are allowed. Split it, and `run:` the parts." },
    { "reserved_setting", DIAGNOSTIC_ERROR, "A setting has a name of the platform's own",
        "Every connector has it already; choose another name.", LINT_IN_CONNECTOR },
    { "script_language", DIAGNOSTIC_ERROR, "A script in a language that is not known",
        "Scripts are written in `python`." },
    { "secret_default", DIAGNOSTIC_ERROR, "A secret with a default or an example",
        "What stands in a file is no secret. Leave it out.", LINT_IN_CONNECTOR },
    { "secret_in_file", DIAGNOSTIC_ERROR, "A password in a file",
        "Name a setting with `secret: true`, and give it in the connection.", LINT_IN_CONNECTOR },
    { "secret_misplaced", DIAGNOSTIC_ERROR, "A secret where it would show",
        "Secrets go to a header, the query or the body of a request, never to a path or a URL.",
        LINT_IN_CONNECTOR },
    { "shadowed_name", DIAGNOSTIC_WARNING, "A name hides another",
        "Inside, the outer one's value can't be reached. Give the loop another name by `as:`, or the macro's "
        "variable another name." },
    { "source_field", DIAGNOSTIC_ERROR, "A mapping to what is no field of a finding",
        "Names are those of OCSF's Detection Finding; what has no place there goes under `unmapped.`.",
        LINT_IN_SOURCE },
    { "source_fingerprint", DIAGNOSTIC_ERROR, "A fingerprint that does not say what makes two events alike",
        "A list of expressions; events for which all of them give the same are one alert within "
        "`dedup_window`.",
        LINT_IN_SOURCE },
    { "source_hmac", DIAGNOSTIC_ERROR, "A part of a signature's scheme that the scheme fixes",
        "`header`, `prefix`, `encoding` and `algorithm` are for the scheme `header`.", LINT_IN_SOURCE },
    { "source_name", DIAGNOSTIC_ERROR, "A source's name with letters that can't be in it",
        "It stands in a URL: a-z, 0-9, `-` and `_`.", LINT_IN_SOURCE },
    { "source_observable", DIAGNOSTIC_ERROR, "No such type of observable",
        "ip, domain, url, hash, email, user, host, mac, file, path, process.", LINT_IN_SOURCE },
    { "source_severity", DIAGNOSTIC_ERROR, "No such severity",
        "unknown, informational, low, medium, high, critical, fatal.", LINT_IN_SOURCE },
    { "span_expected", DIAGNOSTIC_ERROR, "A span of time is needed here",
        "Numbers with units: `150ms`, `2s`, `10m`, `4h`, `30d`, `1h30m`." },
    { "step_id", DIAGNOSTIC_ERROR, "An id that expressions can't name",
        "Letters, digits and `_`, with no digit in front, so that `steps.ID` is an expression." },
    { "step_kind", DIAGNOSTIC_ERROR, "Nothing says what the step does",
        "A step has one of `do`, `set`, `if`, `switch`, `for_each`, `while`, `parallel`, `ask`, "
        "`wait`, `run`, `script`, `try`, `return`, `fail`." },
    { "step_may_not_have_run", DIAGNOSTIC_WARNING, "A step is read that may have been skipped",
        "A skipped step has no entry in `steps`, and reading it fails the step. Write "
        "`has(steps.ID) && …`, or put the reader where the step has run." },
    { "step_never_ran", DIAGNOSTIC_ERROR, "A step is read that can never have run here",
        "It stands later in the text, in another branch, or inside a loop's body, from where "
        "only `collect:` brings values out." },
    { "template_here", DIAGNOSTIC_ERROR, "`${{ }}` where nothing is evaluated",
        "At this place stands a plain text or a bare expression. Leave out `${{` and `}}`." },
    { "template_open", DIAGNOSTIC_ERROR, "${{ without }} in a connector",
        "Each `${{` needs its `}}` in the same text.", LINT_IN_CONNECTOR },
    { "text_expected", DIAGNOSTIC_ERROR, "A text is needed here",
        "Write one value, no list and no mapping." },
    { "time_expected", DIAGNOSTIC_ERROR, "A point in time is needed here", "As in `2026-01-02T03:04:05Z`.",
        LINT_IN_TEST },
    { "too_many", DIAGNOSTIC_ERROR, "More settings than a connector may have", "Split the connector.",
        LINT_IN_CONNECTOR },
    { "trigger_kind", DIAGNOSTIC_ERROR, "Nothing says what starts the playbook",
        "A trigger has one of `alert`, `webhook`, `schedule`, `email`, `syslog`, `case`, "
        "`manual`, `playbook`." },
    { "trigger_off", DIAGNOSTIC_WARNING, "A trigger that is set to false",
        "Leave it out; a trigger that is not there starts nothing." },
    { "two_bodies", DIAGNOSTIC_ERROR, "A request with two bodies", "One of `json`, `form` and `body`.",
        LINT_IN_CONNECTOR },
    { "type_enum", DIAGNOSTIC_ERROR, "`enum` is no list of texts", "Write `enum: [low, high]`." },
    { "type_fields", DIAGNOSTIC_ERROR, "`fields` is no mapping", "Write `fields: { name: TYPE }`." },
    { "type_list", DIAGNOSTIC_ERROR, "A list type with not one type in it",
        "Write `[string]` or `{ type: list, items: string }`." },
    { "unbounded_loop", DIAGNOSTIC_ERROR, "`while` without `max`",
        "A loop that waits for the world to change must end even when it does not. Give the most "
        "iterations as `max:`." },
    { "unknown_action", DIAGNOSTIC_ERROR, "No connector has this action",
        "Check the name against `tocsin connector list`; the connector's file must be in a "
        "content folder." },
    { "unknown_field", DIAGNOSTIC_ERROR, "`with` has a field that the action or playbook does not take",
        "Check the name against the action's `in` or the playbook's `inputs`." },
    { "unknown_input", DIAGNOSTIC_ERROR, "An input is read that is not declared",
        "Add it under `inputs:`, or mend the name." },
    { "unknown_key", DIAGNOSTIC_ERROR, "A key that nothing reads",
        "Keys are checked, so that a slip of the pen does not switch off what it was meant to "
        "switch on." },
    { "unknown_output", DIAGNOSTIC_ERROR, "A field is read that the action does not give",
        "Check the name against the action's `out`." },
    { "unknown_playbook", DIAGNOSTIC_ERROR, "A playbook is called that is not there",
        "`run:` holds the name that stands behind `playbook:` in the called file." },
    { "unknown_step", DIAGNOSTIC_ERROR, "No step has this id",
        "Check the name; only steps with an `id` of their own can be read." },
    { "unknown_step_field", DIAGNOSTIC_ERROR, "A step has no such field",
        "`steps.ID` has `ok`, `output`, `error`, `attempts`, `started`, `ended`; what the action "
        "answered is in `output`." },
    { "unknown_timezone", DIAGNOSTIC_WARNING, "No time zone has this name",
        "Names of the tz database, `Europe/Vienna`, or an offset, `+02:00`." },
    { "unknown_type", DIAGNOSTIC_ERROR, "There is no such type",
        "string, int, uint, number, bool, bytes, timestamp, duration, ip, cidr, url, email, "
        "domain, hash, list, map, record, any; a `?` behind the name allows null." },
    { "unknown_word", DIAGNOSTIC_ERROR, "Not one of the words that may stand here",
        "The message lists them." },
    { "unreachable_step", DIAGNOSTIC_ERROR, "A step that no run comes to",
        "Each way before it ends the run with `return` or `fail`. Move or remove it." },
    { "unsafe_sink", DIAGNOSTIC_ERROR, "A text from outside reaches what may read it as code",
        "What comes in alerts, events, inputs and answers can hold anything. A field that goes into a shell, "
        "SQL, LDAP, HTML or a prompt takes it through its encoder alone: `encode_html(x)`, "
        "`encode_shell(x)`." },
    { "untested_playbook", DIAGNOSTIC_WARNING, "A test of a playbook that is not being looked at",
        "Name the playbook's file too, or the folder with both: then the names in the test are checked "
        "against it.",
        LINT_IN_TEST },
    { "unused_key", DIAGNOSTIC_ERROR, "A key that has nothing to go with",
        "The message says what it belongs to.", LINT_IN_TEST },
    { "unused_variable", DIAGNOSTIC_WARNING, "A variable that nothing reads",
        "Remove the assignment, or read it where it was meant to be read." },
    { "variable_may_be_unset", DIAGNOSTIC_WARNING, "A variable is read that may not be set",
        "Set it before the branch, or test `has(vars.NAME)` first." },
    { "variable_never_set", DIAGNOSTIC_ERROR, "A variable is read that is not set before",
        "Set it in a step before; what a branch beside others assigns stays in the branch." },
    { "wrong_field_type", DIAGNOSTIC_ERROR, "A value under `with` has the wrong type",
        "A text that is exactly one `${{ … }}` keeps the type of its expression; mixed text is "
        "always a string." },
    { "wrong_output", DIAGNOSTIC_ERROR, "What is returned does not fit `out:`",
        "The playbook declares what it gives to its callers. Return that, or mend `out:`." },
    { "wrong_type", DIAGNOSTIC_ERROR, "A value has the wrong type for its place",
        "The message says what is expected." },
    { "yaml11_bool", DIAGNOSTIC_ERROR, "yes, no, on, off are texts",
        "YAML 1.2 knows only `true` and `false`. Write those, or put quotes around the text." },
    { "yaml11_merge", DIAGNOSTIC_ERROR, "`<<` merges nothing",
        "YAML 1.2 has no merge keys. Write the keys out, or repeat a whole value as `*name`." },
    { "yaml11_octal", DIAGNOSTIC_WARNING, "A number with a zero in front",
        "YAML 1.1 read `0755` in base 8, YAML 1.2 reads 755. Write `0o755` for base 8, and quotes around a "
        "text such "
        "as a postcode." },
    { "yaml_alias", DIAGNOSTIC_ERROR, "An alias that YAML can't resolve",
        "Each `*name` needs an `&name` before it, outside of itself." },
    { "yaml_aliases", DIAGNOSTIC_ERROR, "Too many aliases",
        "YAML_ALIASES_MAX expansions are allowed in one file." },
    { "yaml_anchor", DIAGNOSTIC_ERROR, "An anchor that YAML can't read",
        "`&name` in front of a value gives it a name. A text that begins with & needs quotes." },
    { "yaml_block_scalar", DIAGNOSTIC_ERROR, "Text right behind | or >",
        "Behind `|` and `>` the text begins on the next line, indented." },
    { "yaml_bracket", DIAGNOSTIC_ERROR, "Brackets that do not go together",
        "Each `[` and `{` needs its `]` or `}`, and a comma between the items. A text with brackets needs "
        "quotes." },
    { "yaml_bytes", DIAGNOSTIC_ERROR, "The file is too large", "YAML_BYTES_MAX is the limit of one file." },
    { "yaml_colon", DIAGNOSTIC_ERROR, "A colon too many, or one that is missing",
        "A key has a `:` with a space behind it. A text that holds `: ` needs quotes, so does an expression "
        "with ` : `." },
    { "yaml_comment", DIAGNOSTIC_ERROR, "A # that begins a comment, or can't",
        "An unquoted ` #` begins a comment and cuts an expression short; without a space before it, it can't "
        "stand there at all. Put the whole text in quotes." },
    { "yaml_control", DIAGNOSTIC_ERROR, "A control character in the file",
        "Write it as an escape in double quotes, or save the file as UTF-8." },
    { "yaml_depth", DIAGNOSTIC_ERROR, "The file is nested too deep", "YAML_DEPTH_MAX is the limit." },
    { "yaml_directive", DIAGNOSTIC_ERROR, "A line with % that YAML can't read",
        "Leave `%YAML` and `%TAG` lines out; a text that begins with % needs quotes." },
    { "yaml_documents", DIAGNOSTIC_ERROR, "More than one document in a file",
        "One file holds one playbook: remove the `---` and what follows it." },
    { "yaml_duplicate_key", DIAGNOSTIC_ERROR, "A key stands twice in one mapping",
        "Only one of them could count. Remove the other." },
    { "yaml_encoding", DIAGNOSTIC_ERROR, "The file is no UTF-8", "Save it as UTF-8." },
    { "yaml_escape", DIAGNOSTIC_ERROR, "An escape that double quotes do not know",
        "Write a backslash as two, or put the text in single quotes, where a backslash is a backslash." },
    { "yaml_flow_expression", DIAGNOSTIC_ERROR, "An expression in braces without quotes",
        "Inside `{ }` and `[ ]` YAML reads `${{ … }}` as its own braces: write `{ ip: \"${{ x }}\" "
        "}`." },
    { "yaml_indent", DIAGNOSTIC_ERROR, "Indentation that does not line up",
        "Keys of one mapping stand in one column, and so do the dashes of one list." },
    { "yaml_key", DIAGNOSTIC_ERROR, "A key that is no text", "Keys are single words or texts." },
    { "yaml_nodes", DIAGNOSTIC_ERROR, "Too many values in the file", "YAML_NODES_MAX is the limit." },
    { "yaml_quote", DIAGNOSTIC_ERROR, "A quote that is not closed",
        "Close it. In single quotes an apostrophe is written twice." },
    { "yaml_reserved", DIAGNOSTIC_ERROR, "A text begins with a mark that YAML keeps for itself",
        "Put quotes around a text that begins with @, ` or %." },
    { "yaml_syntax", DIAGNOSTIC_ERROR, "The file is no YAML", "Put quotes around the text at that place." },
    { "yaml_tab", DIAGNOSTIC_ERROR, "A tab indents a line", "Use spaces." },
    { "yaml_tag", DIAGNOSTIC_ERROR, "A value that begins with ! is read as a tag",
        "YAML takes `!has(x)` for a type's name. Put the expression in quotes: `when: "
        "\"!has(x)\"`." },
};
#define CODE_COUNT (sizeof codes / sizeof codes[0])

const struct lint_code *lint_code_at(uint32_t index)
{
    return index < CODE_COUNT ? &codes[index] : NULL;
}

const struct lint_code *lint_code_find(struct str code)
{
    for (size_t i = 0; i < CODE_COUNT; i++)
        if (str_equal(str_of(codes[i].code), code))
            return &codes[i];
    return NULL;
}
