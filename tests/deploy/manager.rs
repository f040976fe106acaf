//! A real systemd, as the first process of a small system in namespaces of its own: what the units say is what happens.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::servers::program;

/// Longer than a start takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes `$1` the root of everything and starts systemd. The machine's own settings are readable only: nothing in there
/// can change them.
const BOOT: &str = r#"
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount --rbind /sys sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts devpts dev/pts -o newinstance,ptmxmode=0666
ln -s pts/ptmx dev/ptmx
mkdir -p old
pivot_root . old
umount -l /old
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=basic.target
"#;

/// The system, until it is dropped.
pub struct Manager(Child);

impl Manager {
    pub fn boot(root: &Path) -> Self {
        let mut command = Command::new(program("unshare", &[]));
        command.args(["--mount", "--pid", "--ipc", "--uts", "--net", "--cgroup", "--fork", "--kill-child=KILL"]);
        command.args(["sh", "-c", BOOT, "boot"]).arg(root);
        let manager = Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
        let begun = Instant::now();
        // Degraded: something of Debian's does not run without devices.
        while !["running\n", "degraded\n"].contains(&manager.run(&["systemctl", "is-system-running"]).1.as_str()) {
            assert!(begun.elapsed() < PATIENCE, "systemd does not come up");
            std::thread::sleep(Duration::from_millis(100));
        }
        manager
    }

    /// The first process in there, as it is called out here.
    fn first(&self) -> String {
        let id = self.0.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children.split(' ').next().unwrap().to_owned()
    }

    /// Runs a program in there: whether it succeeded, and what it said.
    pub fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(program("nsenter", &[]));
        command.args(["--target", &self.first(), "--all", "--"]).args(arguments);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    #[track_caller]
    pub fn must(&self, arguments: &[&str]) -> String {
        let (done, said) = self.run(arguments);
        let log = || self.run(&["journalctl", "--no-pager", "-n", "50"]).1;
        assert!(done, "{arguments:?}: {said}\n{}", log());
        said
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        // Its first process goes with it, and everything in there with that.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
