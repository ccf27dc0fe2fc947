/* SPDX-License-Identifier: MIT */
/*
 * A main() for a fuzzing target without libFuzzer: replay FILE|DIRECTORY...
 * runs each file as one input, and each with a few bytes changed, the same
 * ones every time.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

#define INPUT_MAX 8192
#define CHANGES 40

static unsigned long inputs;

static void run(const uint8_t *data, size_t size)
{
	uint8_t changed[INPUT_MAX];
	uint64_t random = UINT64_C(88172645463325252) + size;

	LLVMFuzzerTestOneInput(data, size);
	inputs++;
	for (int i = 0; size && i < CHANGES; i++) {
		memcpy(changed, data, size);
		for (int j = 0; j <= i % 3; j++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			changed[(random >> 16) % size] = (uint8_t)random;
		}
		LLVMFuzzerTestOneInput(changed, size);
		inputs++;
	}
}

static int run_file(const char *path)
{
	uint8_t data[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	run(data, size);
	return 0;
}

static int run_directory(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);
	char file[4096];
	int failed = 0;

	if (!dir) {
		perror(path);
		return 1;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		failed |= run_file(file);
	}
	closedir(dir);
	return failed;
}

int main(int argc, char **argv)
{
	struct stat st;
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)
				  ? run_directory(argv[i])
				  : run_file(argv[i]);
	printf("%lu inputs\n", inputs);
	return failed || !inputs;
}
