//! Identities in other partitions of AWS: every ARN of theirs is one of it, and those of another name nothing.
//!
//! Source: IAM User Guide, "IAM ARNs"; AWS General Reference, "ARN format": `aws`, `aws-cn`, `aws-us-gov`.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::{ACCOUNT, House, allows, escaped, session_key, trusts};

#[test]
fn arns_of_identities_are_of_the_servers_partition() {
    for partition in ["aws-cn", "aws-us-gov"] {
        let house = House::in_partition(partition);
        let iam = |rest: &str| format!("arn:{partition}:iam::{ACCOUNT}:{rest}");
        let sts = |rest: &str| format!("arn:{partition}:sts::{ACCOUNT}:{rest}");
        let key = house.user("bob");
        let user = house.ask("GetUser", "UserName=bob").unwrap();
        assert_eq!(user["User"]["Arn"], iam("user/bob"));
        let who = |key: &house::Key| house.ask_with(key, "GetCallerIdentity", "").unwrap()["Arn"].clone();
        assert_eq!(who(&key), iam("user/bob"));
        assert_eq!(house.ask("GetUser", "").unwrap()["User"]["Arn"], iam("root"));

        // AWS's policies are there under the partition's name, and only under that.
        let attach = |arn: &str| house.ask("AttachUserPolicy", &format!("UserName=bob&PolicyArn={arn}"));
        let wrong = attach("arn:aws:iam::aws:policy/AmazonSQSFullAccess").unwrap_err();
        assert_eq!(wrong.0, "NoSuchEntity");
        let full = format!("arn:{partition}:iam::aws:policy/AmazonSQSFullAccess");
        attach(&full).unwrap();
        let policy = house.ask("GetPolicy", &format!("PolicyArn={full}")).unwrap();
        assert_eq!((&policy["Policy"]["Arn"], policy["Policy"]["AttachmentCount"].as_i64()), (&full.into(), Some(1)));
        assert!(house.identity(&key).unwrap().policies.iter().any(|policy| policy.name() == "AmazonSQSFullAccess"));

        let own = house.ask("CreatePolicy", &format!("PolicyName=p&PolicyDocument={}", escaped(&allows("*", "*"))));
        assert_eq!(own.unwrap()["Policy"]["Arn"], iam("policy/p"));
        let trust = escaped(&trusts(&iam("user/bob")));
        let role = house.ask("CreateRole", &format!("RoleName=r&AssumeRolePolicyDocument={trust}")).unwrap();
        assert_eq!(role["Role"]["Arn"], iam("role/r"));
        let bound = iam("policy/p");
        house.ask("PutRolePermissionsBoundary", &format!("RoleName=r&PermissionsBoundary={bound}")).unwrap();
        let assume = |arn: &str| house.ask_with(&key, "AssumeRole", &format!("RoleArn={arn}&RoleSessionName=s1"));
        assert_eq!(assume(&format!("arn:aws:iam::{ACCOUNT}:role/r")).unwrap_err().0, "AccessDenied");
        let session = assume(&iam("role/r")).unwrap();
        assert_eq!(session["AssumedRoleUser"]["Arn"], sts("assumed-role/r/s1"));
        assert_eq!(who(&session_key(&session)), sts("assumed-role/r/s1"));
        let caller = house.identity(&session_key(&session)).unwrap().caller.clone();
        assert_eq!(caller.lasting_arn(), iam("role/r"));
    }
}
