/* SPDX-License-Identifier: MIT */
/*
 * A container's tree: what a runtime does before it starts the container's
 * first program. From a directory of the host, mounts, devices and a user comes
 * a task in a mount namespace of its own, and the program that it would run.
 * The facts are in a structure, or in the config.json of an OCI bundle
 * (runtime-spec 1.2), which is read into the same structure:
 *
 *	struct vfs_bundle_spec *spec;
 *	struct vfs_bundle *bundle;
 *	char why[256];
 *	int error = vfs_bundle_read(vfs, "/srv/bundle", 0, &spec, why, 256);
 *
 *	if (!error) {
 *		spec->overlay = VFS_BUNDLE_OVERLAY_MEMORY;
 *		error = vfs_bundle_load(vfs, spec, &bundle, why, 256);
 *		vfs_bundle_spec_free(spec);
 *	}
 *	if (error)
 *		fprintf(stderr, "%s\n", why);
 *
 * What comes from the host comes by hostfs: whoever may write the config may
 * show the container any directory of the host that this process may open.
 *
 * The calls take message, size: where one line that names the field (a JSON
 * pointer: /process/cwd) or the mount goes when they fail, cut at size bytes
 * with its NUL; may be NULL. The instance's log gets the same line.
 */
#ifndef VFS_BUNDLE_H
#define VFS_BUNDLE_H

#include <vfs/base.h>
#include <vfs/userns.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One mount. Options are those of mount(8) and of OCI runtimes; what is none of
 * them goes to the file system, joined with commas.
 *
 * A bind (type "bind", or an option bind or rbind) shows source, a directory or
 * file of the host, by hostfs, which gets the remaining options; with rbind
 * also what the host has mounted inside. Other types: tmpfs, proc, devtmpfs,
 * devpts, sysfs (an empty directory that cannot be written), overlay, and those
 * that are registered. "none", no type and an unknown one are passed over, with
 * a line to the log.
 */
struct vfs_bundle_mount {
	uint64_t size;		    /* sizeof, in arrays: the step */
	const char *destination;    /* absolute */
	const char *type;	    /* may be NULL */
	const char *source;	    /* may be NULL */
	const char *const *options; /* may be NULL when option_count is 0 */
	uint64_t option_count;
	/* The mount's own maps, of a bind: both or none. None, and the option
	 * idmap or ridmap: the container's. */
	const struct vfs_id_map *uid_maps;
	uint64_t uid_map_count;
	const struct vfs_id_map *gid_maps;
	uint64_t gid_map_count;
};

/* A device node (or FIFO) that the container has. */
struct vfs_bundle_device {
	uint64_t size; /* sizeof, in arrays: the step */
	const char *path;
	uint32_t mode; /* S_IFCHR, S_IFBLK or S_IFIFO, and permissions */
	uint32_t major, minor;
	uint32_t uid, gid; /* the container's numbers */
	uint32_t zero;
};

/* RLIMIT_*: FSIZE and NOFILE are set for the task, the others are for whoever
 * runs the program. */
struct vfs_bundle_rlimit {
	int32_t resource;
	uint32_t zero;
	uint64_t cur;
	uint64_t max;
};

/* vfs_bundle_spec.flags */
#define VFS_BUNDLE_ROOT_READONLY 0x1u
#define VFS_BUNDLE_ROOT_FD 0x2u /* root_fd counts, root_path is shown only */
/* Descriptors 0, 1 and 2 are one terminal: stdio[0], which must be one, and
 * gets console_rows and console_columns. */
#define VFS_BUNDLE_TERMINAL 0x4u
#define VFS_BUNDLE_STDIO 0x8u  /* stdio counts: else there are none */
#define VFS_BUNDLE_UMASK 0x10u /* umask counts: else 022 */
/* Only the devices that the spec names: without null, zero, full, random,
 * urandom and tty in /dev, and the links there. */
#define VFS_BUNDLE_NO_DEVICES 0x20u
/* Mounts that are passed over are an error instead. */
#define VFS_BUNDLE_ALL_MOUNTS 0x40u
/* For whoever runs the program: PR_SET_NO_NEW_PRIVS. */
#define VFS_BUNDLE_NO_NEW_PRIVILEGES 0x80u

/* vfs_bundle_spec.overlay */
#define VFS_BUNDLE_OVERLAY_NONE 0u   /* the rootfs itself is written */
#define VFS_BUNDLE_OVERLAY_MEMORY 1u /* changes are in a tmpfs */
/* Changes are in upper/ below overlay_path of the host, with work/ beside it;
 * both are made when missing. */
#define VFS_BUNDLE_OVERLAY_DIRECTORY 2u

/*
 * Everything about a container. Set size and every member that is not wanted
 * to 0: each 0 means the default. What pointers lead to is not looked at any
 * more when vfs_bundle_load returns.
 */
struct vfs_bundle_spec {
	uint64_t size;
	uint32_t flags; /* VFS_BUNDLE_* */
	uint32_t overlay;
	/* The root's directory on the host, or a descriptor of it, which stays
	 * the caller's; and options of hostfs for it besides. */
	const char *root_path;
	const char *root_options;
	int32_t root_fd;
	/* Host descriptors behind descriptors 0, 1 and 2: duplicated, and the
	 * caller's as before. Negative: none. */
	int32_t stdio[3];
	const char *overlay_path;
	const char *overlay_options; /* of overlay itself */
	const char *memory_options;  /* of the tmpfs that changes are in */

	const struct vfs_bundle_mount *mounts;
	uint64_t mount_count;
	/* Descriptors of the sources of binds: the first for the first bind of
	 * mounts, and so on; they stay the caller's. None at all: sources are
	 * paths. Too few or too many are an error. */
	const int32_t *mount_fds;
	uint64_t mount_fd_count;

	/* The container's user namespace: outside are ids of the instance's.
	 * None of both: it has none of its own. */
	const struct vfs_id_map *uid_maps;
	uint64_t uid_map_count;
	const struct vfs_id_map *gid_maps;
	uint64_t gid_map_count;

	const struct vfs_bundle_device *devices;
	uint64_t device_count;
	/* Nothing is to be seen of these; these cannot be changed. What is not
	 * there is passed over. */
	const char *const *masked_paths;
	uint64_t masked_path_count;
	const char *const *readonly_paths;
	uint64_t readonly_path_count;
	/* private (the default), shared, slave, unbindable, or one of them with
	 * an r in front: how the root propagates. */
	const char *propagation;

	/* The process: numbers are the container's. */
	const char *cwd; /* absolute; NULL: / */
	const char *const *args;
	uint64_t arg_count; /* 0: no program is looked for */
	/* NAME=value: of two that set one variable the last one counts. */
	const char *const *env;
	uint64_t env_count;
	uint32_t uid, gid;
	uint32_t umask;
	uint32_t zero;
	const uint32_t *groups;
	uint64_t group_count;
	uint64_t cap_effective; /* 1 << VFS_CAP_*; nothing is derived */
	uint64_t cap_permitted;
	/* For whoever runs the program: a tree asks for none of these. */
	uint64_t cap_bounding;
	uint64_t cap_inheritable;
	uint64_t cap_ambient;
	const struct vfs_bundle_rlimit *rlimits;
	uint64_t rlimit_count;
	/* With VFS_BUNDLE_TERMINAL: its size in characters; one of them is 0:
	 * it stays as it is. */
	uint32_t console_rows, console_columns;
};

/* A container's tree and process. */
struct vfs_bundle;

/* vfs_bundle_read, vfs_bundle_parse: a field that is unknown to OCI, and a
 * capability of no such name, is an error, and not only a line to the log. */
#define VFS_BUNDLE_STRICT 0x1u

/*
 * Reads directory/config.json into a structure that may be changed before
 * vfs_bundle_load. Relative paths of the host (root.path, sources of binds) are
 * taken from directory. What has no counterpart in a file system (hooks,
 * seccomp, cgroups, …) is not looked at.
 *
 * Returns 0 or: -EFAULT a NULL; -EINVAL an unknown flag, or the config is none:
 * broken JSON (told with line and column), a field that is missing, of a wrong
 * type or of no such value; -EFBIG it has more than 16 MiB; -ENOENT, -EACCES
 * and other errors of opening and reading it; -EOPNOTSUPP the library was built
 * without JSON; -ENOMEM. *out is untouched on failure, and given back with
 * vfs_bundle_spec_free before the instance's last reference. Any thread. Since
 * 0.1. See vfs_bundle(3).
 */
VFS_API int vfs_bundle_read(struct vfs *vfs, const char *directory,
			    uint32_t flags, struct vfs_bundle_spec **out,
			    char *message, size_t size);

/*
 * The same of length bytes of text. directory NULL: the working directory of
 * the process.
 */
VFS_API int vfs_bundle_parse(struct vfs *vfs, const char *text, size_t length,
			     const char *directory, uint32_t flags,
			     struct vfs_bundle_spec **out, char *message,
			     size_t size);

/* Gives back what vfs_bundle_read made. NULL is accepted. Since 0.1. */
VFS_API void vfs_bundle_spec_free(struct vfs_bundle_spec *spec);

/*
 * Makes the tree, in a new mount namespace, and the task:
 *
 * 1. the root: hostfs on the rootfs, or overlay over it;
 * 2. the mounts, parents before children, else in the order given. Missing
 *    mount points are made, in memory where the file system cannot hold them;
 * 3. the devices: those of the spec, and those that every container has, with
 *    the links fd, stdin, stdout, stderr and ptmx where /dev is a mount;
 * 4. where no mount has /tmp as its destination and it is missing or an empty
 *    directory: a tmpfs with mode 01777;
 * 5. masked and read-only paths, and the root's propagation;
 * 6. the task: root, working directory, umask, limits, descriptors,
 *    credentials; HOME, if the environment has none, from the tree's own
 *    /etc/passwd, else "/";
 * 7. the program: vfs_resolve_executable of the first argument, with the
 *    environment's PATH, and vfs_resolve_script of what was found.
 *
 * Steps 1 to 5 are done as root of the container's user namespace, but for what
 * only the instance's root may do: mounts of types that are not for user
 * namespaces, device nodes.
 *
 * Returns 0 or: -EFAULT a NULL; -EINVAL size is too small, an unknown flag, a
 * field that makes no sense, a descriptor too few or left over; -E2BIG a larger
 * size whose tail is not zero, or one above 4096; -ENOENT, -EACCES, -ENOEXEC,
 * -ELOOP of the program, and any other error of the step that failed; -ENOMEM.
 * *out is untouched on failure, and no mount and no descriptor is left. Any
 * thread. Since 0.1. See vfs_bundle(3).
 */
VFS_API int vfs_bundle_load(struct vfs *vfs, const struct vfs_bundle_spec *spec,
			    struct vfs_bundle **out, char *message,
			    size_t size);

/* Gives it back with everything that the getters return, and the bundle's own
 * reference on the task. NULL is accepted. Since 0.1. */
VFS_API void vfs_bundle_free(struct vfs_bundle *bundle);

/* The task, without a reference. NULL for NULL. Any thread. Since 0.1. */
VFS_API struct vfs_task *vfs_bundle_task(const struct vfs_bundle *bundle);

/* The program's path in the tree; NULL where the spec has no arguments. Any
 * thread. Since 0.1. */
VFS_API const char *vfs_bundle_executable(const struct vfs_bundle *bundle);

/* Argument number i, and line number i of the environment (NAME=value; with
 * HOME): NULL behind the last. Any thread. Since 0.1. */
VFS_API const char *vfs_bundle_arg(const struct vfs_bundle *bundle, uint64_t i);
VFS_API const char *vfs_bundle_env(const struct vfs_bundle *bundle, uint64_t i);

#ifdef __cplusplus
}
#endif

#endif
