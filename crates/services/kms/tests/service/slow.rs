//! What takes long is never done by who polls a request: it is handed out, and meanwhile all others are answered.
//!
//! The thread that does it is a list here, so nothing depends on how long anything takes.

use crate::house::{House, OPENED_AT, shown};
use base64_simd::STANDARD;
use gateway::Answer;
use journal::sim::SimDisk;
use kms::Work;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// Work that waits to be done.
#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<Vec<Work>>>);

impl Waiting {
    fn house(&self) -> House {
        let waiting = self.clone();
        let elsewhere = Arc::new(move |work| waiting.0.lock().unwrap().push(work));
        House::open_with(&Arc::new(SimDisk::new(1)), OPENED_AT, elsewhere)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Does what is there now, and says how much that was.
    fn work(&self) -> usize {
        let all = std::mem::take(&mut *self.0.lock().unwrap());
        let count = all.len();
        all.into_iter().for_each(|work| work());
        count
    }
}

fn poll(answer: &mut Answer) -> Poll<Result<Value, String>> {
    answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).map(shown)
}

/// Polls until the answer is there, the disk having what it has to.
fn finish(house: &House, mut answer: Answer) -> Result<Value, String> {
    for _ in 0..4 {
        if let Poll::Ready(done) = poll(&mut answer) {
            return done;
        }
        house.store.journal().commit().unwrap();
    }
    panic!("it waits for something that does not come");
}

fn begun(house: &House, operation: &str, input: &Value) -> Answer {
    let mut answer = house.begin(house.root(), operation, input).unwrap();
    for _ in 0..4 {
        assert!(poll(&mut answer).is_pending(), "{operation} was done by who polls it");
        house.store.journal().commit().unwrap();
    }
    answer
}

#[test]
fn rsa_keys_are_made_elsewhere_one_after_the_other_while_all_others_are_answered() {
    let waiting = Waiting::default();
    let house = waiting.house();
    let rsa = json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"});
    let mut first = begun(&house, "CreateKey", &rsa);
    let mut second = begun(&house, "CreateKey", &rsa);
    assert_eq!(waiting.len(), 1, "the other waits for its turn");
    let quick = house.key(json!({}));
    let pair = json!({"KeyId": quick, "KeyPairSpec": "ECC_NIST_P256"});
    house.ask("GenerateDataKeyPair", pair).unwrap();
    assert_eq!(waiting.len(), 1, "what is quick goes no way around");
    assert_eq!(waiting.work(), 1);
    assert!(poll(&mut second).is_pending());
    assert!(poll(&mut first).is_pending(), "it waits for the disk alone");
    finish(&house, first).unwrap();
    assert_eq!(waiting.work(), 1);
    finish(&house, second).unwrap();
    for (operation, input) in [
        ("GenerateDataKeyPair", json!({"KeyId": quick, "KeyPairSpec": "RSA_2048"})),
        ("GenerateDataKeyPairWithoutPlaintext", json!({"KeyId": quick, "KeyPairSpec": "RSA_2048"})),
    ] {
        let made = begun(&house, operation, &input);
        assert_eq!(waiting.work(), 1, "{operation}");
        finish(&house, made).unwrap();
    }
}

#[test]
fn rsa_keys_are_used_elsewhere() {
    let waiting = Waiting::default();
    let house = waiting.house();
    let slowly = |operation: &str, input: Value| {
        let answer = begun(&house, operation, &input);
        assert_eq!(waiting.work(), 1, "{operation}");
        finish(&house, answer)
    };
    let made = |usage: &str| {
        let made = slowly("CreateKey", json!({"KeySpec": "RSA_2048", "KeyUsage": usage})).unwrap();
        made["KeyMetadata"]["KeyId"].clone()
    };
    let (signing, sealing) = (made("SIGN_VERIFY"), made("ENCRYPT_DECRYPT"));
    let text = STANDARD.encode_to_string(b"words");
    let by = "RSASSA_PSS_SHA_256";
    let signed = slowly("Sign", json!({"KeyId": signing, "Message": text, "SigningAlgorithm": by})).unwrap();
    let check = json!({"KeyId": signing, "Message": text, "SigningAlgorithm": by, "Signature": signed["Signature"]});
    assert_eq!(slowly("Verify", check).unwrap()["SignatureValid"], true);
    slowly("GetPublicKey", json!({"KeyId": signing})).unwrap();
    let by = "RSAES_OAEP_SHA_256";
    let sealed = slowly("Encrypt", json!({"KeyId": sealing, "Plaintext": text, "EncryptionAlgorithm": by})).unwrap();
    let blob = &sealed["CiphertextBlob"];
    let open = json!({"KeyId": sealing, "CiphertextBlob": blob, "EncryptionAlgorithm": by});
    assert_eq!(slowly("Decrypt", open).unwrap()["Plaintext"], text);
    let refused = json!({"KeyId": sealing, "CiphertextBlob": text, "EncryptionAlgorithm": by});
    assert!(slowly("Decrypt", refused).unwrap_err().starts_with("InvalidCiphertextException"));
}

#[test]
fn what_nobody_waits_for_any_more_is_not_done_and_the_next_has_its_turn() {
    let waiting = Waiting::default();
    let house = waiting.house();
    let rsa = json!({"KeySpec": "RSA_4096", "KeyUsage": "SIGN_VERIFY"});
    drop(begun(&house, "CreateKey", &rsa));
    assert_eq!(waiting.work(), 1);
    assert_eq!(house.ask("ListKeys", json!({})).unwrap()["Keys"], json!([]));
    let next = begun(&house, "CreateKey", &json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}));
    assert_eq!(waiting.work(), 1);
    finish(&house, next).unwrap();
}

#[test]
fn so_many_wait_for_a_turn_and_the_others_are_throttled() {
    let waiting = Waiting::default();
    let house = waiting.house();
    let rsa = |usage: &str| json!({"KeySpec": "RSA_2048", "KeyUsage": usage});
    let made = begun(&house, "CreateKey", &rsa("SIGN_VERIFY"));
    assert_eq!(waiting.work(), 1);
    let id = finish(&house, made).unwrap()["KeyMetadata"]["KeyId"].clone();
    let sign = json!({"KeyId": id, "Message": "bQ==", "SigningAlgorithm": "RSASSA_PSS_SHA_256"});
    for (operation, input, going, all) in [("CreateKey", rsa("SIGN_VERIFY"), 1, 17), ("Sign", sign, 2, 1002)] {
        let mut pending = Vec::new();
        let refused = loop {
            let mut answer = house.begin(house.root(), operation, &input).unwrap();
            match poll(&mut answer) {
                Poll::Ready(done) => break done.unwrap_err(),
                Poll::Pending => pending.push(answer),
            }
        };
        assert_eq!((waiting.len(), pending.len()), (going, all), "{operation}");
        assert!(refused.starts_with("ThrottlingException: You have exceeded the rate"), "{refused}");
        // Who goes away gives the place back.
        pending.pop();
        assert!(poll(&mut house.begin(house.root(), operation, &input).unwrap()).is_pending());
        drop(pending);
        while waiting.work() > 0 {}
        let next = begun(&house, operation, &input);
        assert_eq!(waiting.work(), 1);
        finish(&house, next).unwrap();
    }
}

#[test]
fn an_account_that_asks_for_much_is_throttled_alone_and_others_have_their_turn_between_its_own() {
    let waiting = Waiting::default();
    let house = waiting.house();
    let rsa = json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"});
    let everything = json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*"});
    let other = || house.user("222222222222", "bob", &everything);
    let mut greedy = Vec::new();
    loop {
        let mut answer = house.begin(house.root(), "CreateKey", &rsa).unwrap();
        match poll(&mut answer) {
            Poll::Ready(refused) => break assert!(refused.unwrap_err().starts_with("ThrottlingException")),
            Poll::Pending => greedy.push(answer),
        }
    }
    let mut modest = house.begin(other(), "CreateKey", &rsa).unwrap();
    assert!(poll(&mut modest).is_pending(), "there is a place for another account");
    assert_eq!((waiting.len(), greedy.len()), (1, 17));
    assert_eq!(waiting.work(), 1, "the first of the many");
    greedy.iter_mut().for_each(|answer| drop(poll(answer)));
    assert!(poll(&mut modest).is_pending());
    assert_eq!(waiting.work(), 1, "the other account's");
    finish(&house, modest).unwrap();
    drop(greedy);
    // Of those who went away nothing is kept: each account has all of its places again.
    for _ in 0..2 {
        let mut answers: Vec<Answer> = (0..17).map(|_| house.begin(other(), "CreateKey", &rsa).unwrap()).collect();
        assert!(answers.iter_mut().all(|answer| poll(answer).is_pending()));
        drop(answers);
        while waiting.work() > 0 {}
    }
}

#[test]
fn a_pair_that_its_key_could_not_seal_is_not_begun() {
    let waiting = Waiting::default();
    let house = waiting.house();
    let (symmetric, off) = (house.key(json!({})), house.key(json!({})));
    let sign = house.key(json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}));
    house.ask("DisableKey", json!({"KeyId": off})).unwrap();
    for operation in ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"] {
        for (key, dry_run, error) in [
            (&off, false, "DisabledException"),
            (&sign, false, "InvalidKeyUsageException"),
            (&symmetric, true, "DryRunOperationException"),
        ] {
            let input = json!({"KeyId": key, "KeyPairSpec": "RSA_4096", "DryRun": dry_run});
            assert!(house.ask(operation, input).unwrap_err().starts_with(error), "{operation}, {error}");
        }
    }
    assert_eq!(waiting.len(), 0);
}
