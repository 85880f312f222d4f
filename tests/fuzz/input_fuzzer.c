/* SPDX-License-Identifier: MIT */
/* Any content as an input: compressed, archived or plain, from a pipe when the first byte is odd.
 */
#include "archive/input.h"
#include "base/io.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int memory_file(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (fd < 0 || sfx_io_write(fd, data, size, NULL) < 0 || lseek(fd, 0, SEEK_SET) != 0)
        abort();
    return fd;
}

static int full_pipe(const uint8_t *data, size_t size)
{
    int fds[2];

    if (pipe(fds) != 0 || sfx_io_write(fds[1], data, size, NULL) < 0)
        abort();
    (void)sfx_io_close(&fds[1], NULL);
    return fds[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Small limits: the fuzzer shall find faults, not patience. */
    const struct sfx_input_limits limits = {
        .max_members = 100, .max_total_nbytes = 1 << 20, .max_ratio = 50};
    static char block[4096];
    struct sfx_input *in;
    struct sfx_slice head;
    int fd;

    if (size < 1 || size > 60000) /* a pipe holds 64 KiB */
        return 0;
    fd = data[0] % 2 != 0 ? full_pipe(data + 1, size - 1) : memory_file(data + 1, size - 1);
    in = sfx_input_new_fd(fd, "fuzz", &limits, NULL);
    while (in != NULL && sfx_input_next(in, NULL) == 1) {
        if (sfx_input_data_name(in) == NULL)
            abort();
        if (sfx_input_peek(in, &head, NULL) < 0)
            break;
        while (sfx_input_read(in, block, sizeof(block), NULL) > 0)
            ;
    }
    sfx_input_free(in);
    (void)sfx_io_close(&fd, NULL);
    return 0;
}
