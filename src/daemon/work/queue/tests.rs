use super::*;

const CALLS: usize = 4;

fn organisation(n: u8) -> OrganisationId {
    OrganisationId::new([n; 32])
}

fn account(n: u8) -> CredentialId {
    CredentialId::new([n; 16])
}

fn lane(name: &str) -> Lane {
    Lane::Target(name.into())
}

fn to_do(work: Work, credential: CredentialId, lane: Lane) -> ToDo {
    let index = match work {
        Work::Open(index) | Work::Mint(index) | Work::Revoke(index) => index,
        Work::Rotate(_) => 1,
    };
    ToDo { work, credential, index, lane, window: Some(0) }
}

/// A queue with a clock that its test moves.
struct Scene {
    queue: Queue,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        Self { queue: Queue::default(), now: Instant::now() }
    }

    fn note(&mut self, id: OrganisationId, list: Vec<ToDo>) {
        self.queue.note(id, list, self.now, Time(0));
    }

    fn start(&mut self) -> Option<Key> {
        self.queue.start(self.now, CALLS)
    }

    fn start_all(&mut self) -> Vec<Key> {
        std::iter::from_fn(|| self.start()).collect()
    }

    fn finish(&mut self, key: &Key, outcome: Outcome) -> Option<(u32, Duration)> {
        self.queue.finish(key, outcome, self.now, Time(0))
    }
}

#[test]
fn one_associations_dead_targets_leave_room_for_the_others() {
    let mut scene = Scene::new();
    let (hog, other) = (organisation(1), organisation(2));
    let dead = |n: u64| to_do(Work::Revoke(n), account((n / 8) as u8), lane(&format!("dead{}:1", n / 4)));
    scene.note(hog, (0..1000).map(dead).collect());
    let taken = scene.start_all();
    assert_eq!(taken.len(), MAX_RUNNING / 2, "while it has fewer than are free");
    scene.note(other, vec![to_do(Work::Revoke(1), account(9), lane("alive:1"))]);
    assert_eq!(scene.start(), Some((other, Work::Revoke(1))));
    assert_eq!(scene.start(), None);
    // A third one, too, and many more.
    for n in 3..100 {
        let id = organisation(n);
        scene.note(id, vec![to_do(Work::Revoke(1), account(9), lane(&format!("alive{n}:1")))]);
        assert_eq!(scene.start(), Some((id, Work::Revoke(1))), "{n}");
    }
}

#[test]
fn a_lane_has_so_many_calls_and_serves_in_turn() {
    let mut scene = Scene::new();
    let (many, few) = (organisation(1), organisation(2));
    scene.note(many, (0..100).map(|n| to_do(Work::Revoke(n), account(n as u8), lane("db:1"))).collect());
    scene.note(few, (0..2).map(|n| to_do(Work::Revoke(n), account(n as u8), lane("db:1"))).collect());
    let first = scene.start_all();
    assert_eq!(first.len(), CALLS);
    assert_eq!(first.iter().filter(|(id, _)| *id == few).count(), 2, "half of the calls, whatever the other has");
    for key in &first {
        assert_eq!(scene.finish(key, Outcome::Done), None);
    }
    assert_eq!(scene.start_all().len(), CALLS, "then the others");
    // Of one association, accounts are served in turn.
    let mut scene = Scene::new();
    let busy = (0..50).map(|n| to_do(Work::Revoke(n), account(1), lane("db:1")));
    scene.note(many, busy.chain([to_do(Work::Revoke(99), account(2), lane("db:1"))]).collect());
    assert!(scene.start_all().contains(&(many, Work::Revoke(99))));
    // Programs have a lane for each association, what calls nobody has one, too.
    let mut scene = Scene::new();
    for n in 1..=2 {
        let id = organisation(n);
        let program = (0..9).map(|n| to_do(Work::Revoke(n), account(1), Lane::Program(id, "dovecot".into())));
        let here = (10..19).map(|n| to_do(Work::Open(n), account(2), Lane::Here(id)));
        scene.note(id, program.chain(here).collect());
    }
    assert_eq!(scene.start_all().len(), 2 * (CALLS + HERE_AT_ONCE));
}

#[test]
fn ends_come_before_beginnings() {
    let mut scene = Scene::new();
    let id = organisation(1);
    let mints = (0..20).map(|n| to_do(Work::Mint(n), account(1), lane("db:1")));
    let ends = (20..23).map(|n| to_do(Work::Revoke(n), account(2), lane("db:1")));
    scene.note(id, mints.chain(ends).collect());
    let started = scene.start_all();
    let revokes = started.iter().filter(|(_, work)| matches!(work, Work::Revoke(_))).count();
    assert_eq!((revokes, started.len()), (3, CALLS));
    // What beginnings may fill leaves places for ends.
    let mut scene = Scene::new();
    for n in 0..=255 {
        let mint = |r: u64| to_do(Work::Mint(r), account(1), lane(&format!("db{n}:1")));
        scene.note(organisation(n), (0..3).map(mint).collect());
    }
    assert_eq!(scene.start_all().len(), MAX_RUNNING - FOR_ENDS);
    scene.note(id, vec![to_do(Work::Revoke(7), account(2), lane("other:1"))]);
    assert_eq!(scene.start(), Some((id, Work::Revoke(7))));
}

#[test]
fn a_rotation_is_alone_and_its_turn_comes() {
    let mut scene = Scene::new();
    let (id, rotate) = (organisation(1), Work::Rotate(account(1)));
    let mint = |n| to_do(Work::Mint(n), account(1), lane("db:1"));
    scene.note(id, vec![mint(1)]);
    assert_eq!(scene.start(), Some((id, Work::Mint(1))));
    let list = || vec![mint(1), mint(2), mint(3), to_do(rotate, account(1), lane("db:1"))];
    scene.note(id, list());
    assert_eq!(scene.start(), None, "not while somebody logs in, and nobody else begins before it");
    scene.finish(&(id, Work::Mint(1)), Outcome::Done);
    assert_eq!(scene.start(), Some((id, rotate)));
    assert_eq!(scene.start(), None, "alone");
    scene.finish(&(id, rotate), Outcome::Failed("unreachable"));
    assert_eq!(scene.start(), Some((id, Work::Mint(2))), "while it pauses, others go on");
    scene.finish(&(id, Work::Mint(2)), Outcome::Done);
    // A target that has the new secret already refuses the old one: what waits to be revoked waits for the rotation,
    // which alone finds that out, and not the other way round.
    let revoke = to_do(Work::Revoke(1), account(1), lane("db:1"));
    scene.note(id, vec![revoke, ToDo { window: Some(7), ..to_do(rotate, account(1), lane("db:1")) }]);
    assert_eq!(scene.start(), Some((id, rotate)), "also where it was asked for later");
    scene.finish(&(id, rotate), Outcome::Done);
    assert_eq!(scene.start(), Some((id, Work::Revoke(1))));
    scene.finish(&(id, Work::Revoke(1)), Outcome::Done);
    scene.note(id, vec![mint(2)]);
    assert_eq!(scene.start(), Some((id, Work::Mint(2))));
    // For one request, one thing at a time.
    scene.note(id, vec![mint(2), to_do(Work::Revoke(2), account(1), lane("db:1"))]);
    assert_eq!(scene.start(), None);
}

#[test]
fn failures_pause_longer_each_time_and_a_new_window_ends_the_pause() {
    let mut scene = Scene::new();
    let (id, key) = (organisation(1), (organisation(1), Work::Revoke(1)));
    let revoke = |window| ToDo { window, ..to_do(Work::Revoke(1), account(1), lane("db:1")) };
    scene.note(id, vec![revoke(Some(5))]);
    for attempt in 1..=20 {
        assert_eq!(scene.start(), Some(key));
        let (attempts, pause) = scene.finish(&key, Outcome::Failed("unreachable")).unwrap();
        assert_eq!(attempts, attempt);
        scene.note(id, vec![revoke(Some(5))]);
        assert_eq!(scene.start(), None, "that the log grows shortens no pause");
        assert_eq!(scene.queue.next(), Some(scene.now + pause));
        scene.now += pause;
    }
    assert_eq!(scene.start(), Some(key), "never given up");
    scene.finish(&key, Outcome::Failed("unreachable"));
    scene.note(id, vec![revoke(None)]);
    assert_eq!(scene.start(), None, "closed");
    scene.note(id, vec![revoke(Some(6))]);
    assert_eq!(scene.start(), Some(key), "opened anew");
    assert_eq!(scene.finish(&key, Outcome::Failed("unreachable")).unwrap().0, 1);
}

#[test]
fn what_waits_goes_on_when_what_it_waits_for_comes() {
    let mut scene = Scene::new();
    let (id, key) = (organisation(1), (organisation(1), Work::Revoke(1)));
    let revoke = |window| ToDo { window, ..to_do(Work::Revoke(1), account(1), lane("db:1")) };
    scene.note(id, vec![revoke(None)]);
    assert_eq!(scene.start(), Some(key));
    assert_eq!(scene.finish(&key, Outcome::NotOpen("closed")), None);
    scene.note(id, vec![revoke(None)]);
    assert_eq!(scene.start(), None, "the log grew, the account is closed still");
    scene.note(id, vec![revoke(Some(3))]);
    assert_eq!(scene.start(), Some(key));
    scene.finish(&key, Outcome::Waits("shares-missing"));
    assert_eq!(scene.start(), None);
    scene.note(id, vec![revoke(Some(3))]);
    assert_eq!(scene.start(), Some(key), "the log grew");
    // It grew while it looked: what it saw may be out of date.
    scene.note(id, vec![revoke(Some(3))]);
    scene.finish(&key, Outcome::Waits("shares-missing"));
    assert_eq!(scene.start(), Some(key));
    scene.finish(&key, Outcome::Later("checked-out", Duration::from_secs(100)));
    assert_eq!(scene.start(), None);
    scene.now += Duration::from_secs(100);
    assert_eq!(scene.start(), Some(key), "when it may be");
    scene.finish(&key, Outcome::Later("checked-out", Duration::from_secs(1000)));
    scene.note(id, vec![revoke(Some(3))]);
    assert_eq!(scene.start(), Some(key), "or earlier, when the log grew");
    scene.note(id, vec![revoke(Some(3))]);
    scene.finish(&key, Outcome::Later("checked-out", Duration::from_secs(1000)));
    assert_eq!(scene.start(), None, "a log that grows all the time is asked once a second");
    scene.now += FIRST_PAUSE;
    assert_eq!(scene.start(), Some(key));
}

#[test]
fn what_rests_is_shortened_by_a_new_window_and_by_nothing_else() {
    let mut scene = Scene::new();
    let (id, key) = (organisation(1), (organisation(1), Work::Revoke(1)));
    let revoke = |window| ToDo { window, ..to_do(Work::Revoke(1), account(1), lane("db:1")) };
    scene.note(id, vec![revoke(Some(3))]);
    assert_eq!(scene.start(), Some(key));
    assert_eq!(scene.finish(&key, Outcome::Rests("may-be-late", Duration::from_secs(600))), None, "no failure");
    scene.note(id, vec![revoke(Some(3))]);
    assert_eq!(scene.start(), None);
    scene.note(id, vec![revoke(Some(4))]);
    assert_eq!(scene.start(), Some(key));
    // A window that was opened while it ran counts, too.
    scene.note(id, vec![revoke(Some(5))]);
    scene.finish(&key, Outcome::Failed("unreachable"));
    assert_eq!(scene.start(), Some(key));
    scene.note(id, vec![revoke(None)]);
    scene.finish(&key, Outcome::NotOpen("closed"));
    assert_eq!(scene.start(), None);
    scene.note(id, vec![revoke(Some(6))]);
    assert_eq!(scene.start(), Some(key));
}

#[test]
fn what_is_asked_for_again_while_it_ends_is_done_again() {
    let mut scene = Scene::new();
    let (id, rotate) = (organisation(1), Work::Rotate(account(1)));
    let asked = |index| vec![ToDo { index, ..to_do(rotate, account(1), lane("db:1")) }];
    scene.note(id, asked(1));
    assert_eq!(scene.start(), Some((id, rotate)));
    scene.note(id, asked(1));
    scene.note(id, asked(2));
    scene.finish(&(id, rotate), Outcome::Done);
    assert_eq!(scene.start(), Some((id, rotate)), "by another entry");
    scene.note(id, asked(2));
    scene.finish(&(id, rotate), Outcome::Done);
    assert_eq!(scene.start(), None, "that list was older than its end");
}

#[test]
fn only_the_logs_list_takes_something_away() {
    let mut scene = Scene::new();
    let (id, other) = (organisation(1), organisation(2));
    let revoke = |n| to_do(Work::Revoke(n), account(1), lane("db:1"));
    scene.note(id, vec![revoke(1), revoke(2), revoke(3)]);
    scene.note(other, vec![revoke(1)]);
    let running = scene.start().unwrap();
    scene.note(id, Vec::new());
    assert_eq!(
        scene.queue.progress(&id).count(),
        usize::from(running.0 == id),
        "what runs is known until it is over"
    );
    assert_eq!(scene.queue.progress(&other).count(), 1, "others keep theirs");
    scene.finish(&running, Outcome::Failed("unreachable"));
    assert_eq!(scene.queue.progress(&id).count(), 0, "and is not tried again");
    // It came back while it ran.
    scene.note(id, vec![revoke(1)]);
    let key = (id, Work::Revoke(1));
    while scene.start() != Some(key) {}
    scene.note(id, Vec::new());
    scene.note(id, vec![revoke(1)]);
    assert!(scene.finish(&key, Outcome::Failed("unreachable")).is_some());
    assert_eq!(scene.queue.progress(&id).count(), 1);
}

#[test]
fn everything_is_done_in_the_end_and_nothing_is_left_counted() {
    let mut scene = Scene::new();
    let mut left = 0;
    for n in 0..40 {
        let id = organisation(n);
        let works = (0..30_u64).map(|r| {
            let work = match r % 3 {
                0 => Work::Open(r),
                1 => Work::Mint(r),
                _ => Work::Revoke(r),
            };
            let place = if r % 3 == 0 { Lane::Here(id) } else { lane(&format!("db{}:1", r % 7)) };
            to_do(work, account((r % 5) as u8), place)
        });
        let rotations = (0..5).map(|n| to_do(Work::Rotate(account(n)), account(n), lane(&format!("db{}:1", n % 7))));
        let list: Vec<ToDo> = works.chain(rotations).collect();
        left += list.len();
        scene.note(id, list);
    }
    let mut running = Vec::new();
    let mut turn = 0_usize;
    while left > 0 {
        running.extend(scene.start_all());
        assert!(running.len() <= MAX_RUNNING);
        if running.is_empty() {
            scene.now = scene.queue.next().expect("something is left, and nothing will ever start it");
            continue;
        }
        turn = turn.wrapping_mul(31).wrapping_add(7);
        let key = running.swap_remove(turn % running.len());
        let outcome = if turn.is_multiple_of(4) { Outcome::Failed("unreachable") } else { Outcome::Done };
        left -= usize::from(outcome == Outcome::Done);
        scene.finish(&key, outcome);
    }
    let Queue { items, ends, beginnings, timed, running, lanes, organisations, accounts, requests } = scene.queue;
    assert!(items.is_empty() && ends.items.is_empty() && beginnings.items.is_empty() && timed.is_empty());
    assert!(
        running == 0 && lanes.is_empty() && organisations.is_empty() && accounts.is_empty() && requests.is_empty()
    );
}

#[test]
fn pauses_grow_to_an_hour_and_no_further() {
    for (attempts, seconds) in [(1, 1.0), (2, 2.0), (5, 16.0), (12, 2048.0), (13, 3600.0), (u32::MAX, 3600.0)] {
        let pause = pause(attempts).as_secs_f64();
        assert!((seconds * 0.75..=seconds * 1.26).contains(&pause), "{attempts}: {pause}");
    }
}
