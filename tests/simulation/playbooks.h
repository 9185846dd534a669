/* What runs in the simulation: every kind of step, over tools of every kind. `mark` names a call for the
 * people who are asked what became of it. */
#ifndef TOCSIN_TESTS_SIMULATION_PLAYBOOKS_H
#define TOCSIN_TESTS_SIMULATION_PLAYBOOKS_H

static const char *const playbooks[] = {
    "playbook: enrich\n"
    "triggers: [ { alert: 'event.kind == \"enrich\"' } ]\n"
    "steps:\n"
    "  - id: seen\n"
    "    for_each: '[1, 2, 3]'\n"
    "    as: n\n"
    "    parallel: 2\n"
    "    steps:\n"
    "      - id: look\n"
    "        do: sim.look\n"
    "        with: { mark: '${{ run.id }}/${{ n }}' }\n"
    "        timeout: 30s\n"
    "        retry: { attempts: 4, backoff: exponential, first: 1s, max: 20s }\n"
    "        on_error: continue\n"
    "    collect: ${{ n }}\n"
    "  - set: { total: '${{ size(steps.seen.output) }}' }\n"
    "  - id: noted\n"
    "    do: case.open\n"
    "    with: { title: 'seen ${{ vars.total }}', severity: 2, alerts: [ '${{ alert.id }}' ] }\n"
    "  - return: { total: '${{ vars.total }}' }\n",

    "playbook: act\n"
    "triggers: [ { alert: 'event.kind == \"act\"' }, { playbook: true } ]\n"
    "steps:\n"
    "  - id: tell\n"
    "    do: sim.tell\n"
    "    with: { mark: '${{ run.id }}' }\n"
    "    timeout: 1m\n"
    "    retry: { attempts: 3, first: 2s }\n"
    "    on_error: continue\n"
    "  - id: shoot\n"
    "    do: sim.shoot\n"
    "    with: { mark: '${{ run.id }}' }\n"
    "    timeout: 1m\n"
    "    on_error: continue\n"
    "  - return: { told: '${{ steps.tell.ok }}', shot: '${{ steps.shoot.ok }}' }\n",

    "playbook: contain\n"
    "triggers: [ { alert: 'event.kind == \"contain\"' } ]\n"
    "concurrency: { key: '${{ string(event.group) }}', max: 1, when_full: queue }\n"
    "steps:\n"
    "  - try:\n"
    "      - id: block\n"
    "        do: sim.block\n"
    "        with: { mark: '${{ run.id }}' }\n"
    "        timeout: 1m\n"
    "        retry: { attempts: 5, backoff: exponential, first: 1s }\n"
    "        for: 2h\n"
    "    catch:\n"
    "      - set: { lost: true }\n"
    "    finally:\n"
    "      - wait: 5m\n"
    "  - return: { blocked: '${{ has(steps.block) && steps.block.ok }}' }\n",

    "playbook: ask\n"
    "triggers: [ { alert: 'event.kind == \"ask\"' } ]\n"
    "steps:\n"
    "  - id: question\n"
    "    ask: { title: 'Go on?', options: [ yes, no ], timeout: 8h, on_timeout: no }\n"
    "  - if: steps.question.output.choice == 'yes'\n"
    "    then:\n"
    "      - id: child\n"
    "        run: act\n"
    "    else:\n"
    "      - wait: 30m\n"
    "  - parallel:\n"
    "      - [ { wait: 10m } ]\n"
    "      - [ { id: look, do: sim.look, with: { mark: '${{ run.id }}/p' }, timeout: 2m, on_error: continue "
    "} ]\n"
    "    join: any\n"
    "  - return: { said: '${{ steps.question.output.choice }}' }\n",

    "playbook: patient\n"
    "triggers: [ { alert: 'event.kind == \"patient\"' } ]\n"
    "timeout: 20h\n"
    "steps:\n"
    "  - set: { n: 0 }\n"
    "  - while: vars.n < 3\n"
    "    max: 10\n"
    "    steps:\n"
    "      - set: { n: '${{ vars.n + 1 }}' }\n"
    "      - wait: 20m\n"
    "  - id: other\n"
    "    wait: { event: 'it.event.kind == \"enrich\" && it.event.group == event.group', timeout: 3h }\n"
    "    on_error: continue\n"
    "  - return: { heard: '${{ steps.other.ok }}' }\n",
};
#define PLAYBOOK_COUNT (sizeof playbooks / sizeof playbooks[0])

#endif
