/* The process that runs jq filters. libjq can't be interrupted, ends its process when memory runs out, and
 * can read files by `import`; so it runs in a child of this program that has no files, no network, no
 * environment, and limits on memory and time. One filter a process.
 *
 * Standard input: the filter's size in bytes as decimal text and a line feed, the filter, then a JSON array
 * [input, args]. Standard output: the outputs, one JSON text a line. Standard error: what went wrong. */
#ifndef TOCSIN_CONNECT_JQ_CHILD_H
#define TOCSIN_CONNECT_JQ_CHILD_H

#define JQ_CHILD_WORD "proc-jq" /* the program's first argument for this process */

/* The environment has the number of the process that asks, and nothing else: whoever sees that it is gone
 * already ends. */
#define JQ_CHILD_PARENT "TOCSIN_PARENT"

enum jq_child_exit {
    JQ_CHILD_OK = 0,
    JQ_CHILD_NO_INPUT = 10, /* what came on standard input is not as above */
    JQ_CHILD_BAD_FILTER = 11,
    JQ_CHILD_FAILED = 12, /* the filter ended with an error */
    JQ_CHILD_TOO_LARGE = 13, /* more output than JQ_OUTPUT_BYTES_MAX */
    JQ_CHILD_NO_SANDBOX = 14,
};

/* The whole process; does not return. */
_Noreturn void jq_child_main(void);

#endif
