/* SPDX-License-Identifier: MIT */
/*
 * Another process for the agent: it makes the system calls that it is told to make, one after the other. Standard input gives each as a
 * number and six arguments, 64 bits each, as they lie in memory; standard output takes the result, a negative errno when it failed. It
 * ends with its input. JavaScript cannot go on in a fork(), because V8 keeps its memory to itself.
 */
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

static int all(ssize_t (*move)(int, void *, size_t), int fd, void *buffer, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t moved = move(fd, (char *)buffer + done, length - done);

		if (moved < 0 && errno == EINTR)
			continue;
		if (moved <= 0)
			return 0;
		done += moved;
	}
	return 1;
}

static ssize_t put(int fd, void *buffer, size_t length)
{
	return write(fd, buffer, length);
}

int main(void)
{
	int64_t call[7];

	while (all(read, STDIN_FILENO, call, sizeof(call))) {
		int64_t result = syscall(call[0], call[1], call[2], call[3], call[4], call[5], call[6]);

		if (result == -1)
			result = -errno;
		if (!all(put, STDOUT_FILENO, &result, sizeof(result)))
			return 1;
	}
	return 0;
}
