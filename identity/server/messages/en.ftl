### What the issuer's pages say. Labels are part of the contract of docs/pages.md.
### The message that the code calls `section.name` is `section-name` here.

## id

id-name = Latchkey
id-footer = You are at

## login

login-title = Sign in
login-to = to continue to { $client }
login-to_account = to see your account
login-username = User name or e-mail address
login-password = Password
login-do = Sign in
login-cancel = Cancel
login-again = Confirm that it is you. You stay signed in if you cancel.

## error

error-wrong_credentials = The user name or password is incorrect. Check both and try again.
error-too_many_next = Wait { $seconds } seconds, then try again.
error-busy = Many people are signing in right now. Wait { $seconds } seconds, then try again.
error-account_disabled = This account cannot be used. Contact the administrator of this site.
error-missing = Enter your user name and password.
error-title = This did not work
error-back = Go to your account
error-to_application = Go back to { $client }
error-application = The application is { $client }.
error-again = Try again
error-trace = If you ask for help, quote

## sorry

sorry-malformed = The request cannot be read.
sorry-unknown_client = The application that sent you here is not registered. Go back and try again. If it happens again, contact the provider of that application.
sorry-redirect_uri = The application asked to send you to an address that is not registered for it. Go back and try again. If it happens again, contact the provider of that application.
sorry-logout_uri = The application asked to send you, after signing out, to an address that is not registered for it. Go back and try again. If it happens again, contact the provider of that application.
sorry-id_token_hint = The application did not prove which user it wants to sign out.
sorry-expired = This sign-in is already finished or took too long. Go back to the application and start again.
sorry-other_browser = This sign-in was started in another browser. Start it again in this one.
sorry-foreign_form = This form was not sent from one of our pages. Go back, reload the page and send it again.
sorry-too_many = There were too many attempts. Wait a moment and try again.
sorry-busy = Many people are signing in right now. This page tries again by itself in a moment.
sorry-not_found = There is no page at this address.
sorry-unavailable = The service is unavailable right now. Try again in a moment.
sorry-internal = An internal error occurred. It has been logged.

## consent

consent-title = Allow access
consent-asks = { $client } asks for access to your account.
consent-signed_in = Signed in as { $name }
consent-not_you = Not you?
consent-leads = Afterwards you are sent to { $place }.
consent-account = Your account at { $host }
consent-not = It never sees your password, and it cannot do anything that is not listed here.
consent-back = You can revoke this at any time in your account.
consent-unproven = Any program on this device could pretend to be this application, so you are asked each time.
consent-grew = It asks for more than you allowed before. What is new is marked.
consent-new = New
consent-allow = Allow
consent-deny = Deny

## scope

scope-openid = Know who you are
scope-profile = See your name and profile
scope-email = See your e-mail address
scope-address = See your postal address
scope-phone = See your phone number
scope-offline_access = Act for you while you are away, until you revoke it
scope-other = { $scope } at { $resource }
scope-other_one = { $scope }

## logout

logout-title = Sign out
logout-ask = Do you want to sign out? Applications that you signed in to from this browser are signed out as well.
logout-do = Sign out
logout-stay = Stay signed in
logout-done_title = You are signed out
logout-done = You can close this window.
logout-unregistered = The application asked to send you to an address that is not registered for it, so you were not sent there. Contact the provider of that application.
logout-in_again = Sign in again

## post

post-title = One moment
post-next = You are being sent back to the application. If nothing happens, press Continue.
post-do = Continue

## account

account-title = Your account
account-hello = Signed in as { $name }
account-email = E-mail address
account-username = User name
account-roles = Roles
account-sessions = Browsers you are signed in with
account-sessions_help = Sign out any that you do not recognise. The applications that you signed in to with it are signed out as well.
account-this = This browser
account-since = signed in
account-seen = last used
account-end = Sign out there
account-applications = What applications may do
account-applications_help = What you have allowed stays allowed after you sign out, until you revoke it. Revoking also ends every sign-in of that application at once.
account-applications_none = You have not allowed any application anything.
account-allowed = Allowed
account-revoke = Revoke access
account-families = Sign-ins at applications
account-families_help = Each time that you signed in to an application, and how it ended. Ending one changes nothing in what the application may do.
account-families_none = No application has signed you in yet.
account-alive = Active
account-ended = Ended
account-renewed =
    { $n ->
        [one] renewed once
       *[other] renewed { $n } times
    }
account-retries =
    { $n ->
        [one] one lost response sent again
       *[other] { $n } lost responses sent again
    }
account-history = Sign-in history
account-history_none = Nobody has signed in yet.
account-signed_in = Signed in
account-wrong_password = Wrong password
account-refused = Refused
account-device_unknown = Unknown browser
account-sign_out = Sign out
account-done_session = That browser is signed out.
account-done_application = The application no longer has access.
account-older = Older
account-newest = Back to the newest
account-end_family = End sign-in
account-done_family = That sign-in has ended.

## cause

cause-logout = You signed out.
cause-signed_out_there = You signed that browser out on your account page.
cause-admin = An administrator ended the session.
cause-password_changed = Your password was changed.
cause-consent_withdrawn = You revoked the application’s access.
cause-asked_again = You must confirm again what this application may do.
cause-ended = You ended this sign-in.
cause-person_disabled = The account was disabled.
cause-person_deleted = The account was deleted.
cause-client_disabled = The application was disabled.
cause-replay = An old key was used a second time. Somebody may have copied it, so we ended this sign-in.
cause-code_replay = A sign-in code was used a second time. Somebody may have copied it, so we ended this sign-in.
cause-store_rewound = The server was restored from a backup, so this sign-in ended.
cause-family_limit = The application signed you in so often that the oldest sign-in had to end.
cause-tokens_revoked = The application revoked so many of its keys that all its sign-ins had to end.
cause-overlap_streak = Two programs seemed to use this sign-in at once, so we ended it.
cause-revoked = The application ended this sign-in, as it does when you sign out there.
cause-replaced = Somebody else signed in with this browser.
cause-idle = It was unused for a long time.
cause-expired = It reached its maximum lifetime.
cause-other = This sign-in was ended.
