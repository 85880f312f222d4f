/* SPDX-License-Identifier: MIT */
/*
 * The floor of what a function costs: processes are started and waited for, nothing else.
 *
 * usage: spawn_loop N JOBS PROGRAM
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv)
{
    const long n = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
    const long jobs = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
    long started, running = 0;

    if (n <= 0 || jobs <= 0) {
        fprintf(stderr, "usage: spawn_loop N JOBS PROGRAM\n");
        return 2;
    }
    for (started = 0; started < n; started++) {
        char *args[] = {argv[3], NULL};
        pid_t pid;
        int status = 0, rc;

        if (running == jobs && wait(&status) > 0)
            running--;
        rc = posix_spawn(&pid, argv[3], NULL, NULL, args, environ);
        if (rc != 0 || status != 0) {
            fprintf(stderr, "spawn_loop: %s: %s\n", argv[3], rc != 0 ? strerror(rc) : "failed");
            return 1;
        }
        running++;
    }
    while (running-- > 0) {
        if (wait(NULL) < 0)
            return 1;
    }
    return 0;
}
