/*
 * The few kernel types that the probe reads, declared by hand: each field's offset is looked up in
 * the running kernel's BTF when the probe is loaded (CO-RE), so a binary built on one machine runs
 * on another kernel, and building needs no BTF at all. Only the fields in use are declared; their
 * order and the gaps between them mean nothing.
 */
#ifndef SKINK_PROBE_KERNEL_H
#define SKINK_PROBE_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
    unsigned long bx, cx, dx, si, di, r8, r9, r10;
};

struct kernfs_node {
    __u64 id;
};

struct cgroup_root {
    int hierarchy_id;
};

struct cgroup_subsys_state {
    struct cgroup *cgroup;
    struct cgroup_subsys_state *parent;
};

struct cgroup {
    struct cgroup_subsys_state self; /* the first member: a cgroup is where its own css is */
    struct kernfs_node *kn;
    struct cgroup_root *root;
};

struct css_set {
    struct cgroup_subsys_state *subsys[64];
    struct cgroup *dfl_cgrp;
};

struct ns_common {
    unsigned int inum;
};

struct mnt_namespace {
    struct ns_common ns;
};

struct net {
    struct ns_common ns;
};

struct nsproxy {
    struct mnt_namespace *mnt_ns;
    struct net *net_ns;
};

typedef struct {
    struct net *net;
} possible_net_t;

struct in6_addr {
    __u8 bytes[16];
};

struct sock_common {
    __be32 skc_daddr;
    __be32 skc_rcv_saddr;
    __be16 skc_dport;
    __u16 skc_num;
    unsigned short skc_family;
    volatile unsigned char skc_state;
    possible_net_t skc_net;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
    struct sock_common __sk_common;
    __u16 sk_protocol;
};

struct socket {
    struct sock *sk;
};

struct super_block {
    __u32 s_dev;
};

struct inode {
    unsigned long i_ino;
    struct super_block *i_sb;
};

struct dentry {
    struct inode *d_inode;
};

struct vfsmount {
    int mnt_flags;
};

struct mount {
    struct vfsmount mnt;
    struct mnt_namespace *mnt_ns;
};

struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
};

struct sockaddr_un {
    unsigned short sun_family;
    char sun_path[108];
};

struct unix_address {
    int len;
    struct sockaddr_un name[0];
};

struct unix_sock {
    struct sock sk;
    struct unix_address *addr;
    struct path path;
    struct sock *peer;
};

struct file {
    unsigned int f_flags;
    struct path f_path;
};

struct msghdr {
    void *msg_name;
    int msg_namelen;
};

struct mm_struct {
    unsigned long arg_start, arg_end;
};

struct thread_info {
    __u32 status;
};

struct task_struct {
    struct thread_info thread_info;
    int pid;
    int tgid;
    struct task_struct *real_parent;
    struct task_struct *group_leader;
    struct css_set *cgroups;
    struct nsproxy *nsproxy;
    struct mm_struct *mm;
    char comm[16];
};

struct kernel_siginfo {
    int si_code;
};

struct linux_binprm {
    struct file *file;
    const char *filename;
};

struct bpf_iter__task {
    struct task_struct *task;
};

struct bpf_iter__task_file {
    struct task_struct *task;
    struct file *file;
};

#pragma clang attribute pop

/* arch/x86/include/asm/thread_info.h: a 32-bit call is under way (int 0x80 of a 64-bit one too). */
#define TS_COMPAT 0x0002

#endif
