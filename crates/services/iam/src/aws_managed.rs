//! Managed policies of AWS that people attach: those of the services that are here or near, with the content that AWS
//! documents ("AWS managed policy reference").
//!
//! `ReadOnlyAccess` is the one that is cut: AWS's has the actions of some three hundred services, this one those of the
//! services of this family. Sorted by ARN.

use crate::api::iam;
use crate::documents::encoded;
use crate::ids::named_id;
use crate::shown::{moment, version_id};
use crate::state::{Owner, Used};
use names::Instant;

/// A managed policy of AWS.
#[derive(Debug)]
pub(crate) struct AwsManaged {
    pub(crate) arn: &'static str,
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    /// When it was made and last changed, in seconds since 1970.
    moments: [u64; 2],
    pub(crate) document: &'static str,
}

const fn aws(
    arn: &'static str,
    name: &'static str,
    version: u32,
    moments: [u64; 2],
    document: &'static str,
) -> AwsManaged {
    AwsManaged { arn, name, version, moments, document }
}

/// The policy of this ARN in the partition of whoever asks.
pub(crate) fn find(owner: Owner, arn: &str) -> Option<&'static AwsManaged> {
    let resource = arn.strip_prefix("arn:").and_then(|rest| rest.strip_prefix(owner.partition))?;
    let resource = resource.strip_prefix(":iam::aws:policy")?;
    ALL.binary_search_by(|policy| policy.resource().cmp(resource)).ok().map(|at| &ALL[at])
}

impl AwsManaged {
    /// Path and name in its ARN.
    fn resource(&self) -> &'static str {
        self.arn.strip_prefix("arn:aws:iam::aws:policy").unwrap_or_default()
    }

    /// Between the sort and the name in its ARN.
    pub(crate) fn path(&self) -> &'static str {
        self.resource().strip_suffix(self.name).unwrap_or_default()
    }

    /// Its ARN in a partition.
    pub(crate) fn arn(&self, owner: Owner) -> String {
        format!("arn:{}:iam::aws:policy{}", owner.partition, self.resource())
    }

    /// As replies show it.
    pub(crate) fn shown(&self, owner: Owner, used: Used) -> iam::Policy {
        let [created, updated] = self.moments.map(|secs| Some(moment(Instant::from_millis(secs * 1000))));
        iam::Policy {
            policy_name: Some(self.name.into()),
            policy_id: Some(named_id("ANPA", self.name)),
            arn: Some(self.arn(owner)),
            path: Some(self.path().into()),
            default_version_id: Some(version_id(self.version)),
            attachment_count: crate::shown::count(used.attached),
            permissions_boundary_usage_count: crate::shown::count(used.bounding),
            is_attachable: Some(true),
            description: None,
            create_date: created,
            update_date: updated,
            tags: None,
        }
    }

    /// As everything in an account is shown.
    pub(crate) fn detail(&self, owner: Owner, used: Used) -> iam::ManagedPolicyDetail {
        let policy = self.shown(owner, used);
        iam::ManagedPolicyDetail {
            policy_name: policy.policy_name,
            policy_id: policy.policy_id,
            arn: policy.arn,
            path: policy.path,
            default_version_id: policy.default_version_id,
            attachment_count: policy.attachment_count,
            permissions_boundary_usage_count: policy.permissions_boundary_usage_count,
            is_attachable: policy.is_attachable,
            description: None,
            create_date: policy.create_date,
            update_date: policy.update_date,
            policy_version_list: Some(vec![self.shown_version(true)]),
        }
    }

    /// Its one version that is known here.
    pub(crate) fn shown_version(&self, with_document: bool) -> iam::PolicyVersion {
        iam::PolicyVersion {
            document: with_document.then(|| encoded(self.document)),
            version_id: Some(version_id(self.version)),
            is_default_version: Some(true),
            create_date: Some(moment(Instant::from_millis(self.moments[1] * 1000))),
        }
    }
}

/// All that are known here.
pub(crate) static ALL: &[AwsManaged] = &[
    aws(
        "arn:aws:iam::aws:policy/AWSDenyAll",
        "AWSDenyAll",
        2,
        [1556750174, 1702917725],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"DenyAll","Effect":"Deny","Action":["*"],"#,
            r#""Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser",
        "AWSKeyManagementServicePowerUser",
        2,
        [1423248040, 1488848111],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:CreateAlias","#,
            r#""kms:CreateKey","kms:DeleteAlias","kms:Describe*","kms:GenerateRandom","kms:Get*","kms:List*","#,
            r#""kms:TagResource","kms:UntagResource","iam:ListGroups","iam:ListRoles","iam:ListUsers"],"#,
            r#""Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "AdministratorAccess",
        1,
        [1423247986, 1423247986],
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    aws(
        "arn:aws:iam::aws:policy/AmazonKinesisFirehoseFullAccess",
        "AmazonKinesisFirehoseFullAccess",
        1,
        [1444243526, 1444243526],
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["firehose:*"],"Resource":"*"}]}"#,
    ),
    aws(
        "arn:aws:iam::aws:policy/AmazonKinesisFirehoseReadOnlyAccess",
        "AmazonKinesisFirehoseReadOnlyAccess",
        1,
        [1444243419, 1444243419],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["firehose:Describe*","#,
            r#""firehose:List*"],"Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/AmazonKinesisFullAccess",
        "AmazonKinesisFullAccess",
        1,
        [1423248029, 1423248029],
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kinesis:*","Resource":"*"}]}"#,
    ),
    aws(
        "arn:aws:iam::aws:policy/AmazonKinesisReadOnlyAccess",
        "AmazonKinesisReadOnlyAccess",
        1,
        [1423248030, 1423248030],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kinesis:Get*","kinesis:List*","#,
            r#""kinesis:Describe*"],"Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/AmazonKinesisVideoStreamsFullAccess",
        "AmazonKinesisVideoStreamsFullAccess",
        1,
        [1512170838, 1512170838],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kinesisvideo:*","#,
            r#""Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/AmazonKinesisVideoStreamsReadOnlyAccess",
        "AmazonKinesisVideoStreamsReadOnlyAccess",
        1,
        [1512170072, 1512170072],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kinesisvideo:Describe*","#,
            r#""kinesisvideo:Get*","kinesisvideo:List*"],"Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/AmazonMQApiReadOnlyAccess",
        "AmazonMQApiReadOnlyAccess",
        1,
        [1545165073, 1545165073],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["mq:Describe*","mq:List*","#,
            r#""ec2:DescribeNetworkInterfaces","ec2:DescribeSecurityGroups","ec2:DescribeSubnets","#,
            r#""ec2:DescribeVpcs"],"Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/AmazonMQReadOnlyAccess",
        "AmazonMQReadOnlyAccess",
        2,
        [1511883032, 1511895723],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["mq:Describe*","mq:List*","#,
            r#""ec2:DescribeNetworkInterfaces","ec2:DescribeSecurityGroups","ec2:DescribeSubnets","#,
            r#""ec2:DescribeVpcs"],"Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/AmazonSNSFullAccess",
        "AmazonSNSFullAccess",
        2,
        [1423248065, 1727217125],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"SNSFullAccess","Effect":"Allow","Action":"sns:*","#,
            r#""Resource":"*"},{"Sid":"SMSAccessViaSNS","Effect":"Allow","#,
            r#""Action":["sms-voice:DescribeVerifiedDestinationNumbers","#,
            r#""sms-voice:CreateVerifiedDestinationNumber","sms-voice:SendDestinationNumberVerificationCode","#,
            r#""sms-voice:SendTextMessage","sms-voice:DeleteVerifiedDestinationNumber","#,
            r#""sms-voice:VerifyDestinationNumber","sms-voice:DescribeAccountAttributes","#,
            r#""sms-voice:DescribeSpendLimits","sms-voice:DescribePhoneNumbers","#,
            r#""sms-voice:SetTextMessageSpendLimitOverride","sms-voice:DescribeOptedOutNumbers","#,
            r#""sms-voice:DeleteOptedOutNumber"],"Resource":"*","#,
            r#""Condition":{"StringEquals":{"aws:CalledViaLast":"sns.amazonaws.com"}}}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/AmazonSNSReadOnlyAccess",
        "AmazonSNSReadOnlyAccess",
        2,
        [1423248066, 1727215992],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"SNSReadOnlyAccess","Effect":"Allow","#,
            r#""Action":["sns:GetTopicAttributes","sns:List*","sns:CheckIfPhoneNumberIsOptedOut","#,
            r#""sns:GetEndpointAttributes","sns:GetDataProtectionPolicy","#,
            r#""sns:GetPlatformApplicationAttributes","sns:GetSMSAttributes","sns:GetSMSSandboxAccountStatus","#,
            r#""sns:GetSubscriptionAttributes"],"Resource":"*"},{"Sid":"SMSAccessViaSNS","Effect":"Allow","#,
            r#""Action":["sms-voice:DescribeVerifiedDestinationNumbers","sms-voice:DescribeAccountAttributes","#,
            r#""sms-voice:DescribeSpendLimits","sms-voice:DescribePhoneNumbers","#,
            r#""sms-voice:DescribeOptedOutNumbers"],"Resource":"*","#,
            r#""Condition":{"StringEquals":{"aws:CalledViaLast":"sns.amazonaws.com"}}}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/AmazonSQSFullAccess",
        "AmazonSQSFullAccess",
        1,
        [1423248067, 1423248067],
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:*"],"Resource":"*"}]}"#,
    ),
    aws(
        "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess",
        "AmazonSQSReadOnlyAccess",
        4,
        [1423248068, 1716574604],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"AmazonSQSReadOnlyAccess","Effect":"Allow","#,
            r#""Action":["sqs:GetQueueAttributes","sqs:GetQueueUrl","sqs:ListDeadLetterSourceQueues","#,
            r#""sqs:ListQueues","sqs:ListMessageMoveTasks","sqs:ListQueueTags"],"Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/IAMFullAccess",
        "IAMFullAccess",
        2,
        [1423248038, 1561146000],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","#,
            r#""organizations:DescribeAccount","organizations:DescribeOrganization","#,
            r#""organizations:DescribeOrganizationalUnit","organizations:DescribePolicy","#,
            r#""organizations:ListChildren","organizations:ListParents","organizations:ListPoliciesForTarget","#,
            r#""organizations:ListRoots","organizations:ListPolicies","organizations:ListTargetsForPolicy"],"#,
            r#""Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/IAMReadOnlyAccess",
        "IAMReadOnlyAccess",
        4,
        [1423248039, 1516907487],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GenerateCredentialReport","#,
            r#""iam:GenerateServiceLastAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy","#,
            r#""iam:SimulatePrincipalPolicy"],"Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/PowerUserAccess",
        "PowerUserAccess",
        12,
        [1423247987, 1770919154],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","#,
            r#""account:*"],"Resource":"*"},{"Effect":"Allow","Action":["account:GetAccountInformation","#,
            r#""account:GetGovCloudAccountInformation","account:GetPrimaryEmail","account:ListRegions","#,
            r#""iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles","#,
            r#""organizations:DescribeEffectivePolicy","organizations:DescribeOrganization"],"Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "ReadOnlyAccess",
        190,
        [1423247988, 1790271428],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudwatch:Describe*","#,
            r#""cloudwatch:GenerateQuery","cloudwatch:GenerateQueryResultsSummary","cloudwatch:Get*","#,
            r#""cloudwatch:List*","firehose:Describe*","firehose:List*","iam:Generate*","iam:Get*","iam:List*","#,
            r#""iam:Simulate*"],"Resource":"*"},{"Effect":"Allow","Action":["kinesis:Describe*","kinesis:Get*","#,
            r#""kinesis:List*","kinesisanalytics:Describe*","kinesisanalytics:Discover*","#,
            r#""kinesisanalytics:Get*","kinesisanalytics:List*","kinesisvideo:Describe*","kinesisvideo:Get*","#,
            r#""kinesisvideo:List*","kms:Describe*","kms:Get*","kms:List*","lambda:Get*","lambda:List*","#,
            r#""logs:Describe*","logs:FilterLogEvents","logs:Get*","logs:ListAggregateLogGroupSummaries","#,
            r#""logs:ListAnomalies","logs:ListEntitiesForLogGroup","logs:ListIntegrations","#,
            r#""logs:ListLogAnomalyDetectors","logs:ListLogDeliveries","logs:ListLogGroupsForEntity","#,
            r#""logs:ListLogGroupsForQuery","logs:ListScheduledQueries","#,
            r#""logs:ListSourcesForS3TableIntegration","logs:ListTagsForResource","logs:ListTagsLogGroup","#,
            r#""logs:StartLiveTail","logs:StartQuery","logs:StopLiveTail","logs:StopQuery","#,
            r#""logs:TestMetricFilter","mq:Describe*","mq:List*","sns:Check*","sns:Get*","sns:List*","#,
            r#""sqs:Get*","sqs:List*","sqs:Receive*","sts:GetAccessKeyInfo","sts:GetCallerIdentity","#,
            r#""sts:GetSessionToken"],"Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        "AWSLambdaBasicExecutionRole",
        1,
        [1428591823, 1428591823],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","#,
            r#""logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/service-role/AWSLambdaKinesisExecutionRole",
        "AWSLambdaKinesisExecutionRole",
        2,
        [1428592456, 1542658164],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kinesis:DescribeStream","#,
            r#""kinesis:DescribeStreamSummary","kinesis:GetRecords","kinesis:GetShardIterator","#,
            r#""kinesis:ListShards","kinesis:ListStreams","kinesis:SubscribeToShard","logs:CreateLogGroup","#,
            r#""logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}"#
        ),
    ),
    aws(
        "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole",
        "AWSLambdaSQSQueueExecutionRole",
        1,
        [1529013045, 1529013045],
        concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:ReceiveMessage","#,
            r#""sqs:DeleteMessage","sqs:GetQueueAttributes","logs:CreateLogGroup","logs:CreateLogStream","#,
            r#""logs:PutLogEvents"],"Resource":"*"}]}"#
        ),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use names::AccountId;

    const OWNER: Owner = Owner { account: AccountId::DEFAULT, partition: "aws" };

    #[test]
    fn every_policy_of_aws_is_found_and_can_be_compiled() {
        for policy in ALL {
            assert_eq!(find(OWNER, policy.arn).map(|found| found.name), Some(policy.name));
            let elsewhere = Owner { partition: "aws-cn", ..OWNER };
            let arn = policy.arn(elsewhere);
            assert_eq!(find(elsewhere, &arn).map(|found| found.name), Some(policy.name));
            assert!(find(OWNER, &arn).is_none() && policy.arn(OWNER) == policy.arn, "{arn}");
            assert!(
                access::Policy::parse(policy.name, policy.document, access::Sort::Identity).is_ok(),
                "{}",
                policy.arn
            );
            assert!(policy.path().starts_with('/') && policy.path().ends_with('/'), "{}", policy.arn);
        }
        assert!(find(OWNER, "arn:aws:iam::aws:policy/Nothing").is_none());
    }
}
