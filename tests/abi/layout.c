/* SPDX-License-Identifier: MIT */
/*
 * The layout of every public structure, on machines with 64-bit pointers:
 * what a program was compiled with keeps working with a newer library. A
 * structure that starts with its size may grow at its end, and only there;
 * then a new line is added here and no line is changed. The core's own fields
 * inside struct vfs_inode are pinned with the rest.
 */
#include <stddef.h>
#include <stdint.h>

#include <vfs/overlay.h>
#include <vfs/sys/backend.h>
#include <vfs/sys/device.h>
#include <vfs/sys/layer.h>
#include <vfs/sys/synthetic.h>
#include <vfs/sys/task.h>
#include <vfs/vfs.h>

#define SIZE(name, bytes) \
	_Static_assert(sizeof(struct name) == (bytes), "size of " #name)
#define PLACE(name, member, at) \
	_Static_assert(offsetof(struct name, member) == (at), #name "." #member)

#if UINTPTR_MAX == UINT64_MAX
/* -- applications' -- */

SIZE(vfs_timespec, 16);
PLACE(vfs_timespec, sec, 0);
PLACE(vfs_timespec, nsec, 8);
PLACE(vfs_timespec, zero, 12);

SIZE(vfs_iovec, 16);
PLACE(vfs_iovec, base, 0);
PLACE(vfs_iovec, len, 8);

SIZE(vfs_open_how, 24);
PLACE(vfs_open_how, flags, 0);
PLACE(vfs_open_how, mode, 8);
PLACE(vfs_open_how, resolve, 16);

SIZE(vfs_pollfd, 8);
PLACE(vfs_pollfd, fd, 0);
PLACE(vfs_pollfd, events, 4);
PLACE(vfs_pollfd, revents, 6);

SIZE(vfs_dirent, 280);
PLACE(vfs_dirent, ino, 0);
PLACE(vfs_dirent, off, 8);
PLACE(vfs_dirent, reclen, 16);
PLACE(vfs_dirent, type, 18);
PLACE(vfs_dirent, name, 19);
PLACE(vfs_dirent, zero, 275);

SIZE(vfs_file_handle, 136);
PLACE(vfs_file_handle, handle_bytes, 0);
PLACE(vfs_file_handle, handle_type, 4);
PLACE(vfs_file_handle, f_handle, 8);

SIZE(vfs_flock, 24);
PLACE(vfs_flock, type, 0);
PLACE(vfs_flock, whence, 2);
PLACE(vfs_flock, pid, 4);
PLACE(vfs_flock, start, 8);
PLACE(vfs_flock, len, 16);

SIZE(vfs_mount_attr, 32);
PLACE(vfs_mount_attr, attr_set, 0);
PLACE(vfs_mount_attr, attr_clr, 8);
PLACE(vfs_mount_attr, propagation, 16);
PLACE(vfs_mount_attr, userns_fd, 24);

SIZE(vfs_mnt_id_req, 32);
PLACE(vfs_mnt_id_req, size, 0);
PLACE(vfs_mnt_id_req, mnt_id, 8);
PLACE(vfs_mnt_id_req, param, 16);
PLACE(vfs_mnt_id_req, mnt_ns_id, 24);

SIZE(vfs_statmount, 512);
PLACE(vfs_statmount, size, 0);
PLACE(vfs_statmount, mnt_opts, 4);
PLACE(vfs_statmount, mask, 8);
PLACE(vfs_statmount, sb_dev_major, 16);
PLACE(vfs_statmount, sb_dev_minor, 20);
PLACE(vfs_statmount, sb_magic, 24);
PLACE(vfs_statmount, sb_flags, 32);
PLACE(vfs_statmount, fs_type, 36);
PLACE(vfs_statmount, mnt_id, 40);
PLACE(vfs_statmount, mnt_parent_id, 48);
PLACE(vfs_statmount, mnt_id_old, 56);
PLACE(vfs_statmount, mnt_parent_id_old, 60);
PLACE(vfs_statmount, mnt_attr, 64);
PLACE(vfs_statmount, mnt_propagation, 72);
PLACE(vfs_statmount, mnt_peer_group, 80);
PLACE(vfs_statmount, mnt_master, 88);
PLACE(vfs_statmount, propagate_from, 96);
PLACE(vfs_statmount, mnt_root, 104);
PLACE(vfs_statmount, mnt_point, 108);
PLACE(vfs_statmount, mnt_ns_id, 112);
PLACE(vfs_statmount, fs_subtype, 120);
PLACE(vfs_statmount, sb_source, 124);

SIZE(vfs_bundle_mount, 80);
PLACE(vfs_bundle_mount, size, 0);
PLACE(vfs_bundle_mount, destination, 8);
PLACE(vfs_bundle_mount, type, 16);
PLACE(vfs_bundle_mount, source, 24);
PLACE(vfs_bundle_mount, options, 32);
PLACE(vfs_bundle_mount, option_count, 40);
PLACE(vfs_bundle_mount, uid_maps, 48);
PLACE(vfs_bundle_mount, uid_map_count, 56);
PLACE(vfs_bundle_mount, gid_maps, 64);
PLACE(vfs_bundle_mount, gid_map_count, 72);

SIZE(vfs_bundle_device, 40);
PLACE(vfs_bundle_device, size, 0);
PLACE(vfs_bundle_device, path, 8);
PLACE(vfs_bundle_device, mode, 16);
PLACE(vfs_bundle_device, major, 20);
PLACE(vfs_bundle_device, minor, 24);
PLACE(vfs_bundle_device, uid, 28);
PLACE(vfs_bundle_device, gid, 32);
PLACE(vfs_bundle_device, zero, 36);

SIZE(vfs_bundle_rlimit, 24);
PLACE(vfs_bundle_rlimit, resource, 0);
PLACE(vfs_bundle_rlimit, zero, 4);
PLACE(vfs_bundle_rlimit, cur, 8);
PLACE(vfs_bundle_rlimit, max, 16);

SIZE(vfs_bundle_spec, 328);
PLACE(vfs_bundle_spec, size, 0);
PLACE(vfs_bundle_spec, flags, 8);
PLACE(vfs_bundle_spec, overlay, 12);
PLACE(vfs_bundle_spec, root_path, 16);
PLACE(vfs_bundle_spec, root_options, 24);
PLACE(vfs_bundle_spec, root_fd, 32);
PLACE(vfs_bundle_spec, stdio, 36);
PLACE(vfs_bundle_spec, overlay_path, 48);
PLACE(vfs_bundle_spec, overlay_options, 56);
PLACE(vfs_bundle_spec, memory_options, 64);
PLACE(vfs_bundle_spec, mounts, 72);
PLACE(vfs_bundle_spec, mount_count, 80);
PLACE(vfs_bundle_spec, mount_fds, 88);
PLACE(vfs_bundle_spec, mount_fd_count, 96);
PLACE(vfs_bundle_spec, uid_maps, 104);
PLACE(vfs_bundle_spec, uid_map_count, 112);
PLACE(vfs_bundle_spec, gid_maps, 120);
PLACE(vfs_bundle_spec, gid_map_count, 128);
PLACE(vfs_bundle_spec, devices, 136);
PLACE(vfs_bundle_spec, device_count, 144);
PLACE(vfs_bundle_spec, masked_paths, 152);
PLACE(vfs_bundle_spec, masked_path_count, 160);
PLACE(vfs_bundle_spec, readonly_paths, 168);
PLACE(vfs_bundle_spec, readonly_path_count, 176);
PLACE(vfs_bundle_spec, propagation, 184);
PLACE(vfs_bundle_spec, cwd, 192);
PLACE(vfs_bundle_spec, args, 200);
PLACE(vfs_bundle_spec, arg_count, 208);
PLACE(vfs_bundle_spec, env, 216);
PLACE(vfs_bundle_spec, env_count, 224);
PLACE(vfs_bundle_spec, uid, 232);
PLACE(vfs_bundle_spec, gid, 236);
PLACE(vfs_bundle_spec, umask, 240);
PLACE(vfs_bundle_spec, zero, 244);
PLACE(vfs_bundle_spec, groups, 248);
PLACE(vfs_bundle_spec, group_count, 256);
PLACE(vfs_bundle_spec, cap_effective, 264);
PLACE(vfs_bundle_spec, cap_permitted, 272);
PLACE(vfs_bundle_spec, cap_bounding, 280);
PLACE(vfs_bundle_spec, cap_inheritable, 288);
PLACE(vfs_bundle_spec, cap_ambient, 296);
PLACE(vfs_bundle_spec, rlimits, 304);
PLACE(vfs_bundle_spec, rlimit_count, 312);
PLACE(vfs_bundle_spec, console_rows, 320);
PLACE(vfs_bundle_spec, console_columns, 324);

SIZE(vfs_rlimit, 16);
PLACE(vfs_rlimit, cur, 0);
PLACE(vfs_rlimit, max, 8);

SIZE(vfs_stat, 144);
PLACE(vfs_stat, mask, 0);
PLACE(vfs_stat, mode, 4);
PLACE(vfs_stat, dev, 8);
PLACE(vfs_stat, ino, 16);
PLACE(vfs_stat, rdev, 24);
PLACE(vfs_stat, nlink, 32);
PLACE(vfs_stat, uid, 36);
PLACE(vfs_stat, gid, 40);
PLACE(vfs_stat, blksize, 44);
PLACE(vfs_stat, size, 48);
PLACE(vfs_stat, blocks, 56);
PLACE(vfs_stat, atime, 64);
PLACE(vfs_stat, mtime, 80);
PLACE(vfs_stat, ctime, 96);
PLACE(vfs_stat, btime, 112);
PLACE(vfs_stat, mnt_id, 128);
PLACE(vfs_stat, attributes, 136);

SIZE(vfs_statfs, 88);
PLACE(vfs_statfs, type, 0);
PLACE(vfs_statfs, bsize, 8);
PLACE(vfs_statfs, blocks, 16);
PLACE(vfs_statfs, bfree, 24);
PLACE(vfs_statfs, bavail, 32);
PLACE(vfs_statfs, files, 40);
PLACE(vfs_statfs, ffree, 48);
PLACE(vfs_statfs, fsid, 56);
PLACE(vfs_statfs, namelen, 64);
PLACE(vfs_statfs, frsize, 72);
PLACE(vfs_statfs, flags, 80);

SIZE(vfs_cred_spec, 64);
PLACE(vfs_cred_spec, size, 0);
PLACE(vfs_cred_spec, uid, 8);
PLACE(vfs_cred_spec, gid, 12);
PLACE(vfs_cred_spec, fsuid, 16);
PLACE(vfs_cred_spec, fsgid, 20);
PLACE(vfs_cred_spec, groups, 24);
PLACE(vfs_cred_spec, group_count, 32);
PLACE(vfs_cred_spec, cap_effective, 40);
PLACE(vfs_cred_spec, cap_permitted, 48);
PLACE(vfs_cred_spec, userns, 56);

SIZE(vfs_id_map, 12);
PLACE(vfs_id_map, inside, 0);
PLACE(vfs_id_map, outside, 4);
PLACE(vfs_id_map, count, 8);

SIZE(vfs_allocator, 24);
PLACE(vfs_allocator, alloc, 0);
PLACE(vfs_allocator, free, 8);
PLACE(vfs_allocator, context, 16);

SIZE(vfs_config, 160);
PLACE(vfs_config, size, 0);
PLACE(vfs_config, allocator, 8);
PLACE(vfs_config, now, 16);
PLACE(vfs_config, now_context, 24);
PLACE(vfs_config, log, 32);
PLACE(vfs_config, log_context, 40);
PLACE(vfs_config, hash_seed, 48);
PLACE(vfs_config, max_cached_names, 64);
PLACE(vfs_config, max_descriptors, 72);
PLACE(vfs_config, flags, 76);
PLACE(vfs_config, root_type, 80);
PLACE(vfs_config, root_source, 88);
PLACE(vfs_config, root_options, 96);
PLACE(vfs_config, types, 104);
PLACE(vfs_config, type_count, 112);
PLACE(vfs_config, max_mounts, 120);
PLACE(vfs_config, max_inotify_instances, 128);
PLACE(vfs_config, max_inotify_watches, 132);
PLACE(vfs_config, max_inotify_events, 136);
PLACE(vfs_config, zero, 140);
PLACE(vfs_config, fault, 144);
PLACE(vfs_config, fault_context, 152);

SIZE(vfs_inotify_event, 272);
PLACE(vfs_inotify_event, wd, 0);
PLACE(vfs_inotify_event, mask, 4);
PLACE(vfs_inotify_event, cookie, 8);
PLACE(vfs_inotify_event, len, 12);
PLACE(vfs_inotify_event, name, 16);

SIZE(vfs_watch_event, 40);
PLACE(vfs_watch_event, size, 0);
PLACE(vfs_watch_event, sequence, 8);
PLACE(vfs_watch_event, name, 16);
PLACE(vfs_watch_event, name_len, 24);
PLACE(vfs_watch_event, wd, 28);
PLACE(vfs_watch_event, mask, 32);
PLACE(vfs_watch_event, cookie, 36);

SIZE(vfs_watch_spec, 32);
PLACE(vfs_watch_spec, size, 0);
PLACE(vfs_watch_spec, event, 8);
PLACE(vfs_watch_spec, release, 16);
PLACE(vfs_watch_spec, context, 24);

/* -- backends' -- */

SIZE(vfs_mount_args, 40);
PLACE(vfs_mount_args, size, 0);
PLACE(vfs_mount_args, source, 8);
PLACE(vfs_mount_args, options, 16);
PLACE(vfs_mount_args, uid, 24);
PLACE(vfs_mount_args, gid, 28);
PLACE(vfs_mount_args, userns, 32);

SIZE(vfs_filesystem_type, 64);
PLACE(vfs_filesystem_type, size, 0);
PLACE(vfs_filesystem_type, name, 8);
PLACE(vfs_filesystem_type, flags, 16);
PLACE(vfs_filesystem_type, inode_size, 24);
PLACE(vfs_filesystem_type, super_size, 32);
PLACE(vfs_filesystem_type, mount, 40);
PLACE(vfs_filesystem_type, unmount, 48);
PLACE(vfs_filesystem_type, check_options, 56);

SIZE(vfs_super_ops, 64);
PLACE(vfs_super_ops, size, 0);
PLACE(vfs_super_ops, statfs, 8);
PLACE(vfs_super_ops, sync, 16);
PLACE(vfs_super_ops, evict, 24);
PLACE(vfs_super_ops, show_options, 32);
PLACE(vfs_super_ops, reconfigure, 40);
PLACE(vfs_super_ops, encode, 48);
PLACE(vfs_super_ops, locate, 56);

SIZE(vfs_super, 80);
PLACE(vfs_super, vfs, 0);
PLACE(vfs_super, type, 8);
PLACE(vfs_super, dev, 16);
PLACE(vfs_super, ops, 24);
PLACE(vfs_super, flags, 32);
PLACE(vfs_super, magic, 40);
PLACE(vfs_super, block_size, 48);
PLACE(vfs_super, name_max, 52);
PLACE(vfs_super, max_file_size, 56);
PLACE(vfs_super, userns, 64);
PLACE(vfs_super, depth, 72);
PLACE(vfs_super, zero, 76);

SIZE(vfs_inode, 128);
PLACE(vfs_inode, ops, 0);
PLACE(vfs_inode, super, 8);
PLACE(vfs_inode, mode, 16);
PLACE(vfs_inode, flags, 20);
PLACE(vfs_inode, ino, 24);
PLACE(vfs_inode, nlink, 32);
PLACE(vfs_inode, uid, 36);
PLACE(vfs_inode, gid, 40);
PLACE(vfs_inode, core_ref, 44);
PLACE(vfs_inode, size, 48);
PLACE(vfs_inode, blocks, 56);
PLACE(vfs_inode, rdev, 56);
PLACE(vfs_inode, atime_sec, 64);
PLACE(vfs_inode, mtime_sec, 72);
PLACE(vfs_inode, ctime_packed, 80);
PLACE(vfs_inode, btime_packed, 88);
PLACE(vfs_inode, atime_nsec, 96);
PLACE(vfs_inode, mtime_nsec, 100);
PLACE(vfs_inode, core_lock, 104);
PLACE(vfs_inode, core_seq, 108);
PLACE(vfs_inode, link, 112);
PLACE(vfs_inode, data, 112);
PLACE(vfs_inode, core_special, 112);
PLACE(vfs_inode, core_ext, 120);

SIZE(vfs_name, 16);
PLACE(vfs_name, str, 0);
PLACE(vfs_name, len, 8);
PLACE(vfs_name, hash, 12);

SIZE(vfs_xattr_init, 24);
PLACE(vfs_xattr_init, name, 0);
PLACE(vfs_xattr_init, value, 8);
PLACE(vfs_xattr_init, size, 16);

SIZE(vfs_create_args, 64);
PLACE(vfs_create_args, size, 0);
PLACE(vfs_create_args, mode, 8);
PLACE(vfs_create_args, uid, 12);
PLACE(vfs_create_args, gid, 16);
PLACE(vfs_create_args, rdev, 24);
PLACE(vfs_create_args, target, 32);
PLACE(vfs_create_args, target_len, 40);
PLACE(vfs_create_args, xattrs, 48);
PLACE(vfs_create_args, xattr_count, 56);

SIZE(vfs_rename_args, 128);
PLACE(vfs_rename_args, size, 0);
PLACE(vfs_rename_args, old_dir, 8);
PLACE(vfs_rename_args, new_dir, 16);
PLACE(vfs_rename_args, old_name, 24);
PLACE(vfs_rename_args, new_name, 40);
PLACE(vfs_rename_args, old_inode, 56);
PLACE(vfs_rename_args, new_inode, 64);
PLACE(vfs_rename_args, old_cookie, 72);
PLACE(vfs_rename_args, new_cookie, 80);
PLACE(vfs_rename_args, flags, 88);
PLACE(vfs_rename_args, zero, 92);
PLACE(vfs_rename_args, whiteout_args, 96);
PLACE(vfs_rename_args, new_name_cookie, 104);
PLACE(vfs_rename_args, old_name_cookie, 112);
PLACE(vfs_rename_args, whiteout, 120);

SIZE(vfs_dir_context, 40);
PLACE(vfs_dir_context, position, 0);
PLACE(vfs_dir_context, cursor, 8);
PLACE(vfs_dir_context, end, 16);
PLACE(vfs_dir_context, last, 24);
PLACE(vfs_dir_context, full, 32);
PLACE(vfs_dir_context, zero, 36);

SIZE(vfs_attr, 80);
PLACE(vfs_attr, size_of, 0);
PLACE(vfs_attr, mask, 8);
PLACE(vfs_attr, mode, 12);
PLACE(vfs_attr, uid, 16);
PLACE(vfs_attr, gid, 20);
PLACE(vfs_attr, atime, 24);
PLACE(vfs_attr, mtime, 40);
PLACE(vfs_attr, ctime, 56);
PLACE(vfs_attr, flags, 72);
PLACE(vfs_attr, zero, 76);

SIZE(vfs_inode_ops, 264);
PLACE(vfs_inode_ops, size, 0);
PLACE(vfs_inode_ops, lookup, 8);
PLACE(vfs_inode_ops, create, 16);
PLACE(vfs_inode_ops, link, 24);
PLACE(vfs_inode_ops, remove, 32);
PLACE(vfs_inode_ops, rename, 40);
PLACE(vfs_inode_ops, tmpfile, 48);
PLACE(vfs_inode_ops, iterate, 56);
PLACE(vfs_inode_ops, setattr, 64);
PLACE(vfs_inode_ops, getattr, 72);
PLACE(vfs_inode_ops, readlink, 80);
PLACE(vfs_inode_ops, getxattr, 88);
PLACE(vfs_inode_ops, setxattr, 96);
PLACE(vfs_inode_ops, listxattr, 104);
PLACE(vfs_inode_ops, removexattr, 112);
PLACE(vfs_inode_ops, open, 120);
PLACE(vfs_inode_ops, release, 128);
PLACE(vfs_inode_ops, read, 136);
PLACE(vfs_inode_ops, write, 144);
PLACE(vfs_inode_ops, truncate, 152);
PLACE(vfs_inode_ops, fallocate, 160);
PLACE(vfs_inode_ops, seek, 168);
PLACE(vfs_inode_ops, fsync, 176);
PLACE(vfs_inode_ops, ioctl, 184);
PLACE(vfs_inode_ops, mmap, 192);
PLACE(vfs_inode_ops, mmap_sync, 200);
PLACE(vfs_inode_ops, revalidate, 208);
PLACE(vfs_inode_ops, follow, 216);
PLACE(vfs_inode_ops, refresh, 224);
PLACE(vfs_inode_ops, copy_range, 232);
PLACE(vfs_inode_ops, accessed, 240);
PLACE(vfs_inode_ops, open_host, 248);
PLACE(vfs_inode_ops, clone_range, 256);

SIZE(vfs_layer_info, 48);
PLACE(vfs_layer_info, size, 0);
PLACE(vfs_layer_info, dev, 8);
PLACE(vfs_layer_info, type_flags, 16);
PLACE(vfs_layer_info, super_flags, 24);
PLACE(vfs_layer_info, inode_flags, 32);
PLACE(vfs_layer_info, name_max, 36);
PLACE(vfs_layer_info, depth, 40);
PLACE(vfs_layer_info, readonly, 44);

SIZE(vfs_layer_handle, 160);
PLACE(vfs_layer_handle, fs, 0);
PLACE(vfs_layer_handle, dev, 16);
PLACE(vfs_layer_handle, length, 24);
PLACE(vfs_layer_handle, type, 28);
PLACE(vfs_layer_handle, bytes, 32);

SIZE(vfs_layer_clone, 208);
PLACE(vfs_layer_clone, size, 0);
PLACE(vfs_layer_clone, from, 8);
PLACE(vfs_layer_clone, dirfd, 12);
PLACE(vfs_layer_clone, name, 16);
PLACE(vfs_layer_clone, xattr, 24);
PLACE(vfs_layer_clone, value, 32);
PLACE(vfs_layer_clone, value_size, 40);
PLACE(vfs_layer_clone, empty, 48);
PLACE(vfs_layer_clone, open, 52);
PLACE(vfs_layer_clone, fd, 56);
PLACE(vfs_layer_clone, zero, 60);
PLACE(vfs_layer_clone, st, 64);

SIZE(vfs_overlay_layers, 24);
PLACE(vfs_overlay_layers, size, 0);
PLACE(vfs_overlay_layers, lower, 8);
PLACE(vfs_overlay_layers, upper, 12);
PLACE(vfs_overlay_layers, work, 16);
PLACE(vfs_overlay_layers, userxattr, 20);

SIZE(vfs_nesting, 48);
PLACE(vfs_nesting, state, 0);

SIZE(vfs_device_ops, 80);
PLACE(vfs_device_ops, size, 0);
PLACE(vfs_device_ops, flags, 8);
PLACE(vfs_device_ops, open, 16);
PLACE(vfs_device_ops, release, 24);
PLACE(vfs_device_ops, read, 32);
PLACE(vfs_device_ops, write, 40);
PLACE(vfs_device_ops, seek, 48);
PLACE(vfs_device_ops, poll, 56);
PLACE(vfs_device_ops, ioctl, 64);
PLACE(vfs_device_ops, fsync, 72);

SIZE(vfs_device_spec, 56);
PLACE(vfs_device_spec, size, 0);
PLACE(vfs_device_spec, type, 8);
PLACE(vfs_device_spec, major, 12);
PLACE(vfs_device_spec, minor, 16);
PLACE(vfs_device_spec, count, 20);
PLACE(vfs_device_spec, name, 24);
PLACE(vfs_device_spec, mode, 32);
PLACE(vfs_device_spec, zero, 36);
PLACE(vfs_device_spec, ops, 40);
PLACE(vfs_device_spec, context, 48);

SIZE(vfs_device_info, 88);
PLACE(vfs_device_info, number, 0);
PLACE(vfs_device_info, position, 8);
PLACE(vfs_device_info, type, 16);
PLACE(vfs_device_info, mode, 20);
PLACE(vfs_device_info, name, 24);

SIZE(vfs_fd_info, 40);
PLACE(vfs_fd_info, size, 0);
PLACE(vfs_fd_info, position, 8);
PLACE(vfs_fd_info, flags, 16);
PLACE(vfs_fd_info, access, 20);
PLACE(vfs_fd_info, mnt_id, 24);
PLACE(vfs_fd_info, ino, 32);

SIZE(vfs_synthetic_node, 88);
PLACE(vfs_synthetic_node, size, 0);
PLACE(vfs_synthetic_node, name, 8);
PLACE(vfs_synthetic_node, mode, 16);
PLACE(vfs_synthetic_node, uid, 20);
PLACE(vfs_synthetic_node, gid, 24);
PLACE(vfs_synthetic_node, flags, 28);
PLACE(vfs_synthetic_node, ino, 32);
PLACE(vfs_synthetic_node, rdev, 40);
PLACE(vfs_synthetic_node, key, 48);
PLACE(vfs_synthetic_node, context, 56);
PLACE(vfs_synthetic_node, children, 64);
PLACE(vfs_synthetic_node, target, 72);
PLACE(vfs_synthetic_node, ops, 80);

SIZE(vfs_synthetic_call, 40);
PLACE(vfs_synthetic_call, size, 0);
PLACE(vfs_synthetic_call, super, 8);
PLACE(vfs_synthetic_call, task, 16);
PLACE(vfs_synthetic_call, node, 24);
PLACE(vfs_synthetic_call, ino, 32);

SIZE(vfs_synthetic_ops, 96);
PLACE(vfs_synthetic_ops, size, 0);
PLACE(vfs_synthetic_ops, show, 8);
PLACE(vfs_synthetic_ops, read, 16);
PLACE(vfs_synthetic_ops, store, 24);
PLACE(vfs_synthetic_ops, length, 32);
PLACE(vfs_synthetic_ops, readlink, 40);
PLACE(vfs_synthetic_ops, follow, 48);
PLACE(vfs_synthetic_ops, lookup, 56);
PLACE(vfs_synthetic_ops, iterate, 64);
PLACE(vfs_synthetic_ops, getattr, 72);
PLACE(vfs_synthetic_ops, open, 80);
PLACE(vfs_synthetic_ops, drop, 88);

SIZE(vfs_synthetic_tree, 24);
PLACE(vfs_synthetic_tree, size, 0);
PLACE(vfs_synthetic_tree, magic, 8);
PLACE(vfs_synthetic_tree, root, 16);
#endif

/* Values that are part of the interface. */
_Static_assert(VFS_CLONE_FS == 0x200 && VFS_CLONE_FILES == 0x400, "clone");
_Static_assert(VFS_CONFIG_SLOW_WALK == 1 && VFS_CONFIG_PLAIN_MEMORY == 2,
	       "config flags");
_Static_assert(VFS_FS_COMPLETE == 1 && VFS_FS_NONBLOCKING == 2, "type flags");
_Static_assert(VFS_MKDIR_SYNTHETIC == 1 && VFS_MOUNTPOINT_FILE == 1 &&
		       VFS_MOUNTPOINT_SYNTHETIC == 2,
	       "mount points");
_Static_assert(VFS_PLACE_CWD == -1 && VFS_PLACE_ROOT == -2 &&
		       VFS_MOUNTS_INFO == 0 && VFS_MOUNTS_OLD == 1,
	       "tasks");
_Static_assert(VFS_DEVICE_NOWAIT == 1 && VFS_DEVICE_WRITE_ANY == 2 &&
		       VFS_DEVICE_READ_ANY == 4,
	       "devices");
_Static_assert(VFS_SYNTHETIC_AT_OPEN == 1 && VFS_SYNTHETIC_FLAT == 2 &&
		       VFS_SYNTHETIC_CLOSED == 4 && VFS_SYNTHETIC_FIXED == 8 &&
		       VFS_SYNTHETIC_OWNED == 16 &&
		       VFS_SYNTHETIC_INODE_SIZE == 192 &&
		       VFS_SYNTHETIC_SUPER_SIZE == 64,
	       "synthetic");
_Static_assert(VFS_LOG_ERROR == 0 && VFS_LOG_DEBUG == 3, "log levels");

int main(void)
{
	return vfs_version() / 100 !=
	       VFS_VERSION_MAJOR * 100 + VFS_VERSION_MINOR;
}
