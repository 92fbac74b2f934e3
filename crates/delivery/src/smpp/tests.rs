//! Message centers on this machine that hang, or go away between two messages; addresses of centers.

use super::pdu::{BIND_TRANSCEIVER, BIND_TRANSMITTER, ENQUIRE_LINK, SUBMIT_SM, UNBIND};
use super::*;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// A center: notes what it is asked, and answers what it is to answer, a session at a time.
struct Fake {
    listener: TcpListener,
    answers: fn(u32) -> bool,
    asked: Mutex<Vec<u32>>,
}

impl Fake {
    async fn new(answers: fn(u32) -> bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, answers, asked: Mutex::default() }
    }

    /// The center as the server has it.
    fn center(&self) -> MessageCenter {
        let port = self.listener.local_addr().unwrap().port();
        let address = CenterAddress::parse(&format!("smpp://a:b@127.0.0.1:{port}")).unwrap();
        let tls: CenterTls = Arc::new(|| Err("nobody is trusted".into()));
        Arc::into_inner(MessageCenter::new(address, 1, tls)).expect("nobody else has it")
    }

    async fn run(&self) {
        loop {
            let (stream, _) = self.listener.accept().await.unwrap();
            let mut session = Session::over(Box::new(stream));
            while let Ok(asked) = session.receive().await {
                self.asked.lock().unwrap().push(asked.command);
                if (self.answers)(asked.command) && session.write(&asked.answered(pdu::OK, vec![0])).await.is_err() {
                    break;
                }
            }
        }
    }

    fn asked(&self) -> Vec<u32> {
        self.asked.lock().unwrap().clone()
    }

    /// What comes of it while the center runs.
    async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            () = self.run() => unreachable!("a center runs for ever"),
            done = work => done,
        }
    }
}

fn sms() -> Sms {
    Sms { to: "+15550100".into(), from: None, text: "hello".into(), reference: 1 }
}

/// Has nobody used the session that is kept for so long.
fn let_idle(center: &MessageCenter, secs: u64) {
    let mut idle = center.idle.lock().unwrap();
    let [kept] = &mut idle[..] else { panic!("one is kept") };
    kept.used_at = Instant::now().checked_sub(Duration::from_secs(secs)).expect("the machine runs for longer");
}

#[tokio::test]
async fn a_center_that_answers_no_bind_is_left_and_asked_anew() {
    let fake = Fake::new(|_| false).await;
    let mut center = fake.center();
    center.patience = Duration::from_secs(2);
    fake.beside(async {
        for _ in 0..2 {
            assert!(matches!(center.submit(&sms()).await, Err(Failed::Late(_))), "its one place is free again");
        }
    })
    .await;
    assert_eq!(fake.asked(), [BIND_TRANSMITTER, BIND_TRANSMITTER]);
}

#[tokio::test]
async fn a_session_in_which_a_message_hung_is_not_used_again() {
    let fake = Fake::new(|command| command != SUBMIT_SM).await;
    let mut center = fake.center();
    center.patience = Duration::from_secs(2);
    fake.beside(async {
        for _ in 0..2 {
            let failed = center.submit(&sms()).await.unwrap_err();
            assert!(failed.is_passing(), "{failed}");
        }
    })
    .await;
    assert_eq!(fake.asked(), [BIND_TRANSMITTER, SUBMIT_SM, BIND_TRANSMITTER, SUBMIT_SM]);
}

#[tokio::test]
async fn a_session_is_asked_whether_it_lives_when_nobody_used_it_for_a_while() {
    let fake = Fake::new(|_| true).await;
    let center = fake.center();
    fake.beside(async {
        center.submit(&sms()).await.unwrap();
        center.submit(&sms()).await.unwrap();
        let_idle(&center, SMPP_PROBE_SECS_MAX + 1);
        center.submit(&sms()).await.unwrap();
        let_idle(&center, SMPP_IDLE_SECS_MAX + 1);
        center.submit(&sms()).await.unwrap();
    })
    .await;
    let expected =
        [BIND_TRANSMITTER, SUBMIT_SM, SUBMIT_SM, ENQUIRE_LINK, SUBMIT_SM, UNBIND, BIND_TRANSMITTER, SUBMIT_SM];
    assert_eq!(fake.asked(), expected);
}

#[tokio::test]
async fn a_session_that_does_not_say_that_it_lives_gives_way_to_another() {
    let fake = Fake::new(|command| command != ENQUIRE_LINK).await;
    let center = fake.center();
    fake.beside(async {
        center.submit(&sms()).await.unwrap();
        let_idle(&center, SMPP_PROBE_SECS_MAX + 1);
        center.submit(&sms()).await.unwrap();
    })
    .await;
    assert_eq!(fake.asked(), [BIND_TRANSMITTER, SUBMIT_SM, ENQUIRE_LINK, BIND_TRANSMITTER, SUBMIT_SM]);
}

#[tokio::test]
async fn whoever_listens_asks_a_quiet_center_and_leaves_one_that_says_nothing() {
    let heard: &Heard = &|_, _| Box::pin(async { true });
    let fake = Fake::new(|_| true).await;
    let mut center = fake.center();
    center.quiet = Duration::from_secs(1);
    let asked_thrice = async {
        while fake.asked().len() < 4 {
            tokio::task::yield_now().await;
        }
    };
    fake.beside(async {
        tokio::select! {
            failed = center.listen(heard) => panic!("{failed}"),
            () = asked_thrice => {}
        }
    })
    .await;
    assert_eq!(fake.asked()[..4], [BIND_TRANSCEIVER, ENQUIRE_LINK, ENQUIRE_LINK, ENQUIRE_LINK]);

    let fake = Fake::new(|command| command == BIND_TRANSCEIVER).await;
    let mut center = fake.center();
    center.quiet = Duration::from_secs(1);
    assert!(matches!(fake.beside(center.listen(heard)).await, Failed::Late(_)));
    assert_eq!(fake.asked(), [BIND_TRANSCEIVER, ENQUIRE_LINK]);
}

#[test]
fn a_center_is_named_by_a_url_and_shown_without_its_login() {
    let center = CenterAddress::parse("smpp://tide:secret@center.example.org").unwrap();
    assert_eq!((center.port, format!("{center:?}").as_str()), (2775, "center.example.org:2775"));
    assert_eq!(CenterAddress::parse("smpps://a:b@h").unwrap().port, 3550);
    assert_eq!(CenterAddress::parse("smpp://a:b@[::1]:9/").unwrap().port, 9);
    for wrong in ["smpp://h", "http://a:b@h", "h", "smpp://a:longerthan8@h", "smpp://", "smpp://sixteenletters00:b@h"] {
        assert!(CenterAddress::parse(wrong).is_err(), "{wrong}");
    }
}
