#!/usr/bin/env bash
# Deploys a released version with CloudFormation, step by step. The workflow deploy.yml calls
# it, and so can you (docs/how-to/deploy-from-github.md):
#
#   deploy.sh plan FOLDER STACK BUCKET [PARAMETER=VALUE…]
#       uploads the functions of FOLDER (an unpacked rollcall_VERSION_lambda_ARCH.zip) to BUCKET,
#       creates a change set, and shows it. The last line has its name. Parameters that are
#       not given keep their values.
#   deploy.sh execute STACK CHANGESET
#       executes the change set, waits, and shows what failed. CloudFormation undoes a failed
#       update by itself, also after an alarm during a canary.
#   deploy.sh check STACK
#       sends one request without a token to the service, which must refuse it.
#   deploy.sh version STACK, deploy.sh former STACK
#       print the version that runs, and the one that ran before it.
set -euo pipefail

die() {
	echo "deploy: $*" >&2
	exit 1
}

# recorded STACK Version|Former prints a value that a release wrote into the metadata of its
# template, or nothing for a stack that does not exist or is no release.
recorded() {
	local metadata
	metadata=$(aws cloudformation get-template-summary --stack-name "$1" --query Metadata --output text 2>/dev/null) || return 0
	sed -nE 's/.*"?rollcall"? *: *\{[^}]*"?'"$2"'"? *: *"(v[0-9][^"]*)".*/\1/p' <<<"${metadata//$'\n'/ }"
}

plan() {
	local folder=$1 stack=$2 bucket=$3 version running former said changeset lost status from to
	shift 3
	version=$(sed -nE 's/^    Version: (v[0-9]\S*)$/\1/p' "$folder/template.yaml")
	[ -n "$version" ] || die "$folder/template.yaml is not of a release: it names no version"
	running=$(recorded "$stack" Version)
	former=$running
	[ "$running" != "$version" ] || former=$(recorded "$stack" Former)
	sed -E "s/^    Former: none\$/    Former: ${former:-none}/" "$folder/template.yaml" >"$folder/planned.yaml"
	echo "stack $stack: ${running:-no release} runs; planned: $version"

	aws cloudformation package --template-file "$folder/planned.yaml" --s3-bucket "$bucket" --s3-prefix "$stack" \
		--output-template-file "$folder/packaged.yaml" >/dev/null
	local overrides=()
	(($# == 0)) || overrides=(--parameter-overrides "$@")
	said=$(aws cloudformation deploy --template-file "$folder/packaged.yaml" --s3-bucket "$bucket" --s3-prefix "$stack" \
		--stack-name "$stack" --capabilities CAPABILITY_IAM --no-execute-changeset --no-fail-on-empty-changeset \
		${overrides[@]+"${overrides[@]}"})
	# Its name, and not its ARN, which has the number of the account.
	changeset=$(grep -oE ':changeSet/[^/ ]+' <<<"$said" | tail -n 1 | cut -d/ -f2) || true
	if [ -z "$changeset" ]; then
		grep -q 'No changes to deploy' <<<"$said" || die "no change set was created: $said"
		echo "nothing would change"
		echo "changeset: none"
		return
	fi
	aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$changeset" --output table \
		--query 'Changes[].ResourceChange.{Action: Action, Replaced: Replacement, Type: ResourceType, Name: LogicalResourceId}'
	lost=$(aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$changeset" --output text \
		--query "Changes[?ResourceChange.ResourceType=='AWS::DynamoDB::Table' && (ResourceChange.Action=='Remove' || ResourceChange.Replacement=='True' || ResourceChange.Replacement=='Conditional')].ResourceChange.LogicalResourceId")
	[ "$lost" != None ] || lost=
	# With another ExistingTable the table of the stack does not change, only who uses it.
	status=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text)
	if [ "$status" != REVIEW_IN_PROGRESS ]; then
		from=$(aws cloudformation describe-stacks --stack-name "$stack" --output text \
			--query "Stacks[0].Parameters[?ParameterKey=='ExistingTable'].ParameterValue | [0]")
		to=$(aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$changeset" --output text \
			--no-paginate --query "Parameters[?ParameterKey=='ExistingTable'].ParameterValue | [0]")
		[ "$from" != None ] || from=
		[ "$to" != None ] || to=
		[ "$from" = "$to" ] || lost="${from:-Table}"
	fi
	if [ -n "$lost" ] && [ "${ROLLCALL_TABLE_CHANGE:-}" != allowed ]; then
		aws cloudformation delete-change-set --stack-name "$stack" --change-set-name "$changeset"
		die "the service would leave the table $lost for another one; the change set was deleted. For a restored table (ExistingTable) plan again with ROLLCALL_TABLE_CHANGE=allowed; otherwise something is wrong"
	fi
	echo "changeset: $changeset"
}

execute() {
	local stack=$1 changeset=$2 status attempt waiter=stack-update-complete
	status=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text)
	[ "$status" != REVIEW_IN_PROGRESS ] || waiter=stack-create-complete
	aws cloudformation execute-change-set --stack-name "$stack" --change-set-name "$changeset"
	# A wait ends after an hour. The slowest shift of requests takes longer, but not three.
	for attempt in 1 2 3; do
		if aws cloudformation wait "$waiter" --stack-name "$stack"; then
			status=done
			break
		fi
		status=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text)
		[[ $attempt != 3 && $status == *_IN_PROGRESS ]] || break
	done
	if [ "$status" != done ]; then
		aws cloudformation describe-stack-events --stack-name "$stack" --output table \
			--query "StackEvents[?contains(ResourceStatus, 'FAILED')].{Time: Timestamp, Name: LogicalResourceId, Status: ResourceStatus, Reason: ResourceStatusReason} | [:20]"
		die "the deployment failed ($status); CloudFormation returns to the version before by itself. docs/how-to/deploy-from-github.md says what to look at"
	fi
	echo "stack $stack: $(recorded "$stack" Version) runs"
}

check() {
	local base status body
	base=$(aws cloudformation describe-stacks --stack-name "$1" --query "Stacks[0].Outputs[?OutputKey=='BaseUrl'].OutputValue" --output text)
	body=$(curl --silent --show-error --max-time 30 --write-out '\n%{http_code}' "$base/Users")
	status=${body##*$'\n'}
	[ "$status" = 401 ] && grep -q 'urn:ietf:params:scim:api:messages:2.0:Error' <<<"$body" ||
		die "$base/Users answers $status without a token, and should be a SCIM error of status 401"
	echo "$base answers"
}

case ${1:-}:$# in
plan:[4-9] | plan:[1-9][0-9]) shift && plan "$@" ;;
execute:3) execute "$2" "$3" ;;
check:2) check "$2" ;;
version:2) recorded "$2" Version ;;
former:2) recorded "$2" Former ;;
*)
	sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0" >&2
	exit 2
	;;
esac
