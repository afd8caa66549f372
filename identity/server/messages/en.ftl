### What the issuer's pages say. Labels are part of the contract of docs/pages.md.
### The message that the code calls `section.name` is `section-name` here.

## id

id-name = Latchkey
id-footer = You are at
id-support = Help
id-reveal = Show the password

## login

login-title = Sign in
login-to = to continue to { $client }
login-to_account = to see your account
login-username = User name or e-mail address
login-password = Password
login-do = Sign in
login-cancel = Cancel
login-register = Create an account
login-again = Confirm that it is you. You stay signed in if you cancel.

login-keep = Keep me signed in on this device

# The page of mailed codes.
login-code_title = Sign in by a mailed code
login-code_lede = We mail a code to the address of your account.
login-code_sent = If there is an account that a code may open, a mail is on its way. Type its code here.
login-code_help = Six digits, valid for ten minutes in this browser. Look in the spam folder if it does not come.
login-code_do = Send the code
login-by_code = Sign in by a mailed code
login-other_ways = Use another way

## confirm

confirm-title = Confirm that it is you
confirm-lede = You are signed in as { $name }. You stay signed in if you cancel.
confirm-do = Confirm
confirm-passkey = Confirm with a passkey

## second

second-title = Second step
second-lede = Type the code that your authenticator app shows now.
second-lede_recovery = Type one of the recovery codes that you saved. Each is good once.
second-code = Code
second-recovery_code = Recovery code
second-remember = Skip this step on this device for 30 days
second-do = Verify
second-other_ways = Use a recovery code
second-with_app = Use your authenticator app
second-with_passkey = Use a passkey

## totp

totp-title = Set up a second step
totp-lede = Scan this with an authenticator app, then type the code that it shows.
totp-qr = QR code with the secret for your authenticator app
totp-by_hand = If you cannot scan it, type this secret into the app:
totp-open = Open it in an app on this device
totp-code = Code
totp-name = Name of the app or device (optional)
totp-do = Turn on
totp-later = Later
totp-needed = This needs a second step. Set one up to go on.
totp-needed_by = From { $date } on, this needs a second step. Set one up now, or later.

## codes

codes-title = Recovery codes
codes-lede = Each of these codes replaces your second step once. Print them, or save them where only you can find them.
codes-once = They are shown only now. Codes that you had before no longer work.
codes-saved = I have saved them
codes-left =
    { $n ->
        [one] You have one unused recovery code.
       *[other] You have { $n } unused recovery codes.
    }
codes-none = You have no recovery codes.
codes-renew_help = New codes replace all that you have. The old ones stop working at once.
codes-renew = Make new codes

## error

error-code_wrong = The code is not right. Check it, or ask for a new one.
error-code_expired = The code has expired. Ask for a new one.
error-second_closed = Too many wrong codes were typed after your password. Sign in with a browser that you have used before, or choose another password.
error-factor_needed = This needs a second step. Set one up to go on.
error-wrong_credentials = The user name or password is incorrect. Check both and try again.
error-too_many_next = Wait { $seconds } seconds, then try again.
error-busy = Many people are signing in right now. Wait { $seconds } seconds, then try again.
error-account_disabled = This account cannot be used. Contact the administrator of this site.
error-passkey_unknown = This passkey is not known here any more. Use another way.
error-passkey_failed = The passkey did not answer. Try again, or use another way.
error-passkey_refused = This passkey cannot be added. Make another one.
error-passkey_held = This device has a passkey for this account already.
error-passkey_name = Give the passkey a name of letters or digits.
error-last_way = This is your only way to sign in. Add another one first.
error-account_exists = You have an account here. Sign in to it once, then connect { $provider }.
error-provider_taken = This account at { $provider } is connected to somebody else here. Sign in there with another one.
error-provider_connected = An account at { $provider } is connected already. Remove it before you connect another one.
error-provider_session = Nothing was connected, because this was used already, took too long or began in another session. Start again on the page of your connected accounts.
error-provider_domain = People with this address sign in with { $provider }. Use its button.
error-missing = Enter your user name and password.
error-address = This is not an e-mail address. Check it and try again.
error-domain = Addresses of this domain cannot create an account here.
error-too_fast = Check the address and press the button once more.
error-registration_closed = New accounts are made by invitation here.
error-invitation = This invitation was used or has expired. Ask whoever sent it.
error-terms_needed = Read and accept the terms to go on.
error-link_used = This link was used or has expired. Ask for a new one.
error-link_elsewhere = This was started in another browser. Type the code from the mail there, or start again here.
error-mail_limit =
    { $n ->
        [one] Several mails are on their way. Wait one minute and look in the spam folder.
       *[other] Several mails are on their way. Wait { $n } minutes and look in the spam folder.
    }
error-name_form = Use letters, digits, dots, hyphens or underscores.
error-name_taken = This user name is taken. Choose another one.
error-password_short = Use at least { $n } characters. A few words work well.
error-password_long = This password is too long.
error-password_personal = It contains your name, your address or the name of this site. Choose another one.
error-password_common = Attackers try this first. Choose another one.
error-account_mailed = We have written to this address. The mail says how to go on.
error-password_weak = This password is weak. You may keep it: enter it once more. Better: a few words that nobody would put together.
error-approval_wait = Your account waits for approval. We will write to you.
error-profile_text = This is too long, or has characters that cannot be seen. Write it more simply.
error-profile_birthdate = Write the date as year-month-day, such as 1990-05-17.
error-profile_website = Enter an address that begins with https:// or http://.
error-profile_phone = Enter the number with a plus sign and the code of the country.
error-profile_locale = This language is not known here. Choose one from the list.
error-profile_zoneinfo = This time zone is not known here. Choose one from the list.
error-profile_changed = Your profile was changed elsewhere in the meantime. This is how it is now: make your change again.
error-picture_large = This file has more than 2 MiB. Choose a smaller one.
error-picture_kind = This is not a JPEG, PNG or WebP picture. Choose another file.
error-picture_pixels = This picture has too many pixels. Choose a smaller one.
error-picture_moving = This picture moves. Choose one that stands still.
error-picture_damaged = This picture is damaged. Choose another one.
error-picture_missing = Choose a file first.
error-picture_busy = Many pictures are being drawn right now. Try again in a moment.
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
sorry-provider_failed = { $provider } did not confirm who you are.
sorry-provider_off = Signing in with { $provider } is switched off.
sorry-not_found = There is no page at this address.
sorry-unavailable = The service is unavailable right now. Try again in a moment.
sorry-internal = An internal error occurred. It has been logged.

## passkeys

passkeys-title = Your passkeys
passkeys-lede = A passkey signs you in with your face, finger or PIN. It works only at this site, so nobody can trick you out of it.
passkeys-back = Your account
passkeys-list = Passkeys
passkeys-none = You have no passkey yet.
passkeys-unnamed = Passkey
passkeys-synced = Synchronised
passkeys-suspended = Suspended: it may have been copied
passkeys-made = made
passkeys-used = last used
passkeys-unused = never used
passkeys-name = Name
passkeys-rename = Rename
passkeys-remove = Remove
passkeys-add = Create a passkey
passkeys-instead = Create a passkey instead
passkeys-full = You have as many passkeys as an account can have. Remove one to add another.
passkeys-without = Passkeys need a browser that supports them, with scripts allowed.
passkeys-sign_in = Sign in with a passkey
passkeys-offer_title = Create a passkey
passkeys-offer = Next time you can sign in with your face, finger or PIN instead of your password.
passkeys-not_now = Not now
passkeys-done_added = The passkey was added.
passkeys-done_renamed = The passkey has its new name.
passkeys-done_removed = The passkey was removed. Delete it on your device, too.

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
scope-groups = See the groups that you are in
scope-offline_access = Act for you while you are away, until you revoke it
scope-other = { $scope } at { $resource }
scope-other_one = { $scope }

## resource

# What our own services declare, by the words of their contracts.
resource-catalog = The shop’s courses
resource-basket = Your basket
resource-discount = Coupons
resource-order = Your orders
resource-payment = Your wallet and payments
resource-inventory = Your library
resource-photo = Photos of courses
resource-billing = Your invoices

## declared

declared-catalog_read = See the shop’s courses
declared-catalog_write = Create and change your courses in the shop
declared-catalog_review = Write reviews in the shop in your name
declared-catalog_admin = Change the shop’s categories and anybody’s courses
declared-basket = See and change your basket
declared-basket_guest = Keep baskets of visitors
declared-discount_redeem = Use coupons
declared-discount_write = Create and change coupons for your courses
declared-discount_admin = Change every coupon of the shop
declared-order_read = See your orders
declared-order_write = Order in your name, and cancel your orders
declared-order_admin = See and mend everybody’s orders
declared-payment_read = See your wallet and your payments
declared-payment_write = Save cards, top up your wallet and confirm payments
declared-payment_admin = Grant credits and see everybody’s payments
declared-inventory_read = See the courses that you own
declared-inventory_write = Record your progress and use your items
declared-inventory_stock = Set how many seats your courses have
declared-inventory_admin = Grant courses and change everybody’s seats
declared-photo_write = Add and delete photos of your courses in the shop
declared-photo_admin = Delete anybody’s photos in the shop
declared-billing_read = See your invoices and your sales
declared-billing_admin = See the shop’s books and everybody’s invoices

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
account-session_since = Signed in
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
account-wrong_code = Wrong code
account-refused = Refused
account-device_unknown = Unknown browser
account-passkeys = Passkeys
account-passkeys_held =
    { $n ->
        [one] You have one passkey.
       *[other] You have { $n } passkeys.
    }
account-passkeys_manage = Manage
account-sign_out = Sign out
account-change_email = Change
account-change_password = Change
account-done_password = Your password was changed.
account-done_email = Your address was changed.
account-done_session = That browser is signed out.
account-done_application = The application no longer has access.
account-older = Older
account-newest = Back to the newest
account-end_family = End sign-in
account-done_family = That sign-in has ended.
account-security = Security
account-second = Second step
account-second_none = A second step keeps your account yours even if somebody learns your password.
account-second_set_up = Set up
account-second_help = After your password you are asked for a code of one of these apps.
account-app_name = Authenticator app
account-app_since = since
account-app_add = Add an authenticator app
account-app_remove = Remove
account-done_app = The authenticator app is set up.
account-done_app_removed = The authenticator app is removed.
account-codes = Recovery codes
account-codes_low =
    { $n ->
        [one] You have only one recovery code left. Make new ones.
       *[other] You have only { $n } recovery codes left. Make new ones.
    }
account-devices = Devices without a second step
account-devices_help = You asked not to be asked for a code there.
account-device_until = until
account-device_forget = Ask again there
account-done_device = That device is asked for a code again.
account-kept = Stays signed in
account-sessions_list = Signed in now
account-proved = Proved with:
account-proved_pwd = password
account-proved_otp = code of an app
account-proved_rc = recovery code
account-proved_pop = passkey
account-proved_email = code by mail
account-proved_fed = another provider
account-end_others = Sign out everywhere else
account-end_others_too = Sign out my other devices, too
account-done_others = You are signed out everywhere else.
account-applications_list = Applications with access
account-applications_held =
    { $n ->
        [one] One application has access.
       *[other] { $n } applications have access.
    }
account-offline = Also while you are away
account-at = At:
account-browsers =
    { $n ->
        [one] You are signed in with one browser.
       *[other] You are signed in with { $n } browsers.
    }
account-more_than = More than { $n }
account-apps_held =
    { $n ->
        [one] One authenticator app is set up.
       *[other] { $n } authenticator apps are set up.
    }
account-apps = Authenticator apps
account-second_lede = The apps whose codes you are asked for after your password.
account-codes_unused = For the day when your second step is lost. There is none yet.
account-codes_renew = Make new ones
account-email_proved = proved
account-email_unproved = not proved yet
account-password_none = You have no password: nobody can guess or steal it.
account-password_since = Last changed
account-password_set = You have a password.
account-pages = More about your account
account-to_profile = Profile
account-to_profile_help = Your name, picture, language and what applications may read of it.
account-to_providers = Other accounts to sign in with
account-to_providers_help = Accounts at other sites that you have connected.
account-to_export = Your data
account-to_export_help = Everything that is stored about you, as a file.
account-to_delete = Delete the account
account-to_delete_help = For good, after some days in which you can change your mind.
account-history_help = Sign-ins and changes of your account in the last 90 days.
account-history_list = What happened
account-times =
    { $n ->
        [one] Once
       *[other] { $n } times
    }
account-state_good = In order
account-state_advised = Worth a look
account-state_due = Needs you
account-state_unused = Not in use

## cause

cause-logout = You signed out.
cause-signed_out_there = You signed that browser out on your account page.
cause-admin = An administrator ended the session.
cause-account_recovered = You recovered the account.
cause-admin_reset = An administrator started a recovery of the account, and it was finished.
cause-email_undone = A change of the address was undone.
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
cause-factor_removed = You removed a passkey or a second step, so this sign-in ended.
cause-upstream_unlinked = You removed an account that you signed in with, so this sign-in ended.
cause-upstream_signed_out = You signed out at the provider that you had signed in with.
cause-other = This sign-in was ended.
cause-password_reset = An administrator set another password.
cause-email_changed = Your address was changed.
cause-person_locked = The account was locked.
cause-client_removed = The application was removed from this site.
cause-client_tokens_revoked = Everybody was signed out of this application.
cause-key_compromised = A signing key of this site had to be withdrawn.

## why

why-title = Why was I signed out?
why-lede = Sign-ins that have ended, and why.
why-sessions = Browsers
why-sessions_none = No sign-in here has ended lately.
why-by = By whom:
why-by_you = You.
why-by_administrator = An administrator.
why-by_application = The application.
why-by_site = This site, by its own rules.
why-sign_in = Sign in again if you want to go on.
why-if_not_you = If this was not you, change your password and look at your passkeys and second step.
why-watch = If you do not know why, sign out everywhere else and change your password.
why-ask_administrator = Ask whoever runs this site if you did not expect it.
why-retried = a lost response was sent again after renewal { $n }
why-reused = an old key came back after renewal { $n }

## history

history-created = The account was created.
history-imported = The account was brought here from another system.
history-disabled = The account was disabled.
history-enabled = The account was enabled again.
history-locked = The account was locked.
history-unlocked = The account was unlocked.
history-all_ended = Every sign-in was ended.
history-passkey_added = A passkey was added.
history-passkey_removed = A passkey was removed.
history-passkey_renamed = A passkey got another name.
history-passkey_suspended = A passkey was suspended: it may have been copied.
history-app_added = An authenticator app was added.
history-app_removed = An authenticator app was removed.
history-codes_renewed = New recovery codes were made.
history-code_used = A recovery code was used.
history-second_closed = After too many wrong codes, unknown browsers are refused until you change your password.
history-device_remembered = A device is not asked for a second step any more.
history-device_forgotten = A device is asked for a second step again.
history-password_changed = The password was changed.
history-password_reset = Another password was set.
history-email_started = A change of the address was begun.
history-email_changed = The address was changed.
history-email_undone = A change of the address was undone.
history-recovery_started = A recovery of the account was begun.
history-recovery_delayed = A recovery of the account waits.
history-recovery_stopped = A recovery of the account was stopped.
history-recovery_finished = The account was recovered.
history-consent_given = An application got access.
history-consent_withdrawn = An application lost its access.
history-profile_changed = The profile was changed.
history-export_made = A copy of the data was made.
history-export_fetched = A copy of the data was fetched.
history-deletion_requested = The deletion of the account was requested.
history-deletion_kept = The account was kept after all.
history-other = Something about the account changed: { $what }.

## register

register-title = Create an account
register-lede = Enter your e-mail address first. We send you a code to confirm it.
register-email = E-mail address
register-email_help = It stays yours alone: nobody else here sees it.
register-website = Leave this field empty
register-terms = I accept the terms
register-terms_read = Read the terms (version { $version })
register-do = Send the code
register-cancel = Cancel
register-signed_in = You are signed in as { $name }.
register-stay = Go on with this account
register-another = Create another account
register-work_without = This page works for a second without you, to keep programs away. That needs JavaScript: without it, an administrator looks at your account first.
register-check_title = Check your mail
register-check_lede = We have written to { $email }. Type the code here, or open the link in the mail.
register-code = Code
register-code_help = Six digits, valid for 30 minutes. Look in the spam folder if it does not come.
register-verify = Confirm
register-resend = Send another code
register-sent = Another mail is on its way. The codes before it stay valid.
register-change_email = Use another address
register-link_title = Confirm your address
register-link_here = This confirms your e-mail address and goes on with your account.
register-link_elsewhere = This was started in another browser. You can type the code from the mail there, or go on here with this address.
register-link_confirm = Confirm the address
register-link_start = Go on here
register-invited = You are invited to create an account. Nothing happens until you accept.
register-invited_as = You are signed in as { $name }. Accept to use the invitation with this account.
register-accept = Accept the invitation
register-finish_title = Almost done
register-finish_lede = Your address { $email } is confirmed.
register-name = Name
register-name_help = As others see it. You may leave it empty.
register-username = User name
register-username_help = You sign in with it or with your address.
register-password = Password
register-password_help = A few words work well.
register-finish = Create the account
register-wait_title = Your account waits for approval
register-wait = An administrator looks at every new account here. We will write to you.
register-to_sign_in = Sign in

## terms

terms-title = The terms have changed
terms-lede = Read and accept them to go on. If you refuse, you are signed out.
terms-until = You can do this later, until { $date }.
terms-accept = Accept and go on
terms-later = Later
terms-refuse = Refuse and sign out

## outbox

outbox-title = Outbox
outbox-help = This installation sends no mail. What it would have sent is here, for this machine alone.
outbox-none = There are no mails.
outbox-open = Show
outbox-link = Open the link

## mail

mail-footer = Sent by { $host }. Nobody reads replies to this address.
mail-when = When: { $at }
mail-when_where = When: { $at }, with { $device }
mail-valid = Valid until { $at }
mail-not_you = If this was not you, open your account, end the sessions that you do not recognise and change how you sign in. Contact the administrator of this site if you cannot.
mail-ignore = If you did not ask for this, ignore this mail. Nothing happens without it.
mail-account_do = Open your account
mail-link = { $label }:
mail-registration_subject = Your code for { $host }: { $code }
mail-registration_lead = To create your account at { $host }, type this code where you started, or open the link.
mail-registration_do = Confirm the address
mail-account_exists_subject = You have an account at { $host } already
mail-account_exists_lead = Somebody wanted to create an account with this address, and there is one already. If it was you, sign in.
mail-approved_subject = Your account at { $host } was approved
mail-approved_lead = You can sign in now.
mail-not_approved_subject = Your account at { $host } was not approved
mail-not_approved_lead = The administrators of this site decided not to open an account for you. What you entered was deleted.
mail-invitation_subject = Invitation to { $host }
mail-invitation_lead = You are invited to create an account at { $host }.
mail-invitation_do = Accept the invitation
mail-sign_in_code_subject = Your code for { $host }: { $code }
mail-sign_in_code_lead = Type this code to sign in at { $host }. Never give it to anybody who asks for it.
mail-passkey_added_subject = A passkey was added to your account
mail-passkey_added_lead = The passkey { $name } can be used to sign in to your account.
mail-passkey_removed_subject = A passkey was removed from your account
mail-passkey_removed_lead = The passkey { $name } cannot be used to sign in any more.
mail-passkey_suspended_subject = A passkey of yours may have been copied
mail-passkey_suspended_lead = The passkey { $name } behaved as if there were a copy of it, so it cannot be used any more.
mail-factor_added_subject = A second step was added to your account
mail-factor_added_lead = From now on, signing in asks for it.
mail-factor_removed_subject = A second step was removed from your account
mail-factor_removed_lead = Signing in does not ask for it any more.
mail-second_step_guessed_subject = Somebody knows your password
mail-second_step_guessed_lead = Somebody entered your password and then failed at the second step again and again. Unknown browsers cannot use this password until you change it.
mail-recovery_code_used_subject = A recovery code was used
mail-recovery_code_used_lead =
    { $n ->
        [0] A recovery code was used to sign in to your account. It was the last one: make new ones.
        [one] A recovery code was used to sign in to your account. One is left.
       *[other] A recovery code was used to sign in to your account. { $n } are left.
    }
mail-recovery_codes_renewed_subject = You have new recovery codes
mail-recovery_codes_renewed_lead = The recovery codes of your account were renewed. The old ones cannot be used any more.
mail-password_reset_subject = Set a new password at { $host }
mail-password_reset_lead = Somebody asked for a new password for your account. Open the link to choose one.
mail-admin_reset_subject = Get back into your account at { $host }
mail-admin_reset_lead = An administrator started this for you. Open the link to choose how you sign in.
mail-welcome_subject = Your account at { $host }
mail-welcome_lead = Your account was moved to { $host }. Open the link to choose how you sign in.
mail-reset_do = Choose a new password
mail-password_changed_subject = Your password was changed
mail-password_changed_lead = All other browsers and applications were signed out.
mail-email_code_subject = Your code for { $host }: { $code }
mail-email_code_lead = Type this code to use this address for your account.
mail-email_changed_subject = The address of your account was changed
mail-email_changed_lead = Your account has another e-mail address now. If it was not you, undo it: that also signs out every browser and application.
mail-undo_do = Undo the change
mail-notice_address_subject = The second address for notices was changed
mail-notice_address_lead = A second address for notices about your account was added or removed.
mail-email_new_subject = This is the address of your account now
mail-email_new_lead = The e-mail address of your account was changed to this one.
mail-email_undone_subject = The change of your address was undone
mail-email_undone_lead = Your account has its former e-mail address again, and every browser and application was signed out.
mail-recovery_started_subject = Somebody is recovering your account
mail-recovery_started_lead = Somebody who can read this mailbox asked to get back into your account, and can finish it from { $at }. If it is not you, stop it.
mail-stop_do = Stop the recovery
mail-recovery_stopped_subject = The recovery of your account was stopped
mail-recovery_stopped_lead = Nothing was changed.
mail-recovery_finished_subject = Your account was recovered
mail-recovery_finished_lead = Every other browser and application was signed out.
mail-provider_connected_subject = A way to sign in was connected
mail-provider_connected_lead = You can sign in to your account with { $provider }.
mail-provider_removed_subject = A way to sign in was removed
mail-provider_removed_lead = Signing in with { $provider } does not lead to your account any more.
mail-export_ready_subject = Your data can be downloaded
mail-export_ready_lead = The copy of your data is ready on your account page.
mail-deletion_requested_subject = Your account will be deleted
mail-deletion_requested_lead = Your account and everything in it will be deleted on { $at }. Sign in before to keep it.
mail-deleted_subject = Your account at { $host } was deleted
mail-deleted_lead = Your account and your data were deleted. This is the last mail about it.

## recover

error-identifier = Enter your user name or e-mail address.
error-review = Decide about every way to sign in: keep it or remove it.
error-recovery_wait = Recovery can be finished from { $date }. Every address of the account was told and can stop it.
error-password_wrong = This is not the password.
error-sign_in_again = Sign out and in again to change this.
login-lost = Lost your password?
login-or = or
recover-title = Get back into your account
recover-lede = Enter your user name or e-mail address. We send a link to the address of the account.
recover-do = Send the link
recover-sent = If there is an account, a mail is on its way. Its link works for 30 minutes, in any browser.
recover-to_sign_in = Sign in
recover-to_account = Open your account
recover-again = Ask for another link
recover-over_title = This link does not work any more
recover-link_lede = Go on to choose how you sign in from now on. Nothing has changed yet.
recover-link_do = Go on
recover-second_title = One more step
recover-second_lede = Your account has more than a password. Show that it is yours: by a code of your app, a recovery code or your passkey.
recover-second_lede_code = Your account has more than a password. Show that it is yours: by a code of your app or a recovery code.
recover-second_lede_passkey = Your account has more than a password. Show that it is yours: with your passkey.
recover-with_passkey = A passkey needs no password. Sign in with it, and choose a new password on your account page.
recover-second_code = Code
recover-lost = Is your second step lost?
recover-wait_help = You can wait instead. We write to every address of the account, and its owner can stop it.
recover-wait_password = With your password you can wait instead. We write to every address of the account, and its owner can stop it.
recover-wait_long =
    { $n ->
        [one] It takes one hour.
       *[other] It takes { $n } hours.
    }
recover-wait_do = Wait instead
recover-wait_title = Recovery is waiting
recover-ask = If your second step is lost, an administrator of this site can help.
recover-new_title = Choose a new password
recover-new_lede = Every browser and application will be signed out.
recover-password = New password
recover-password_help = At least { $n } characters; a few words work well.
recover-password_help_beside = At least { $n } characters, or { $beside } beside an authenticator app that you keep; a few words work well.
recover-ways = Other ways to sign in
recover-ways_help = Keep what is yours. Remove what you do not recognise or have lost.
recover-way_passkey = Passkey { $name }
recover-way_totp = Authenticator app { $name }
recover-way_codes = Recovery codes
recover-way_provider = Account at { $name }
recover-keep = Keep
recover-remove = Remove
recover-save = Save
recover-no_password = Remove the password: I sign in with a passkey alone
recover-passkey = Create a passkey and save
recover-done_title = You are back
recover-done = The new password counts from now on, and every browser and application was signed out.
recover-stop_title = Stop the recovery
recover-stop_lede = Somebody is getting into this account without its second step. If it is not you, stop it.
recover-stop_do = Stop it
recover-stopped = The recovery was stopped, and nothing was changed.

## password

password-title = Change your password
password-lede = Every other browser and every application will be signed out.
password-before_app = Your password is too short to stand alone. Choose a longer one, and then remove the app.
password-current = Current password
password-new = New password
password-strength = How hard it is to guess
password-do = Change the password

## profile

profile-title = Your profile
profile-lede = What you say of yourself. Applications see it only if you allow them to, and everything here can stay empty.
profile-name = Full name
profile-given_name = First name
profile-middle_name = Middle names
profile-family_name = Last name
profile-nickname = Nickname
profile-birthdate = Date of birth
profile-birthdate_help = As year-month-day, such as 1990-05-17. The year alone is fine; without a year, write 0000-05-17.
profile-website = Website
profile-website_help = It begins with https://.
profile-phone = Telephone
profile-phone_help = With a plus sign and the code of the country, such as +351 21 000 0000.
profile-street_address = Street and number
profile-postal_code = Postal code
profile-address_level2 = Town
profile-country_name = Country
profile-locale = Language
profile-locale_browser = As my browser asks
profile-locale_help = The language of these pages and of mails, and what applications are told.
profile-zoneinfo = Time zone
profile-zoneinfo_none = Not given
profile-do = Save
profile-back = Back to your account
profile-picture = Picture
profile-picture_file = Picture to upload
profile-picture_help = JPEG, PNG or WebP of at most 2 MiB. The middle square is kept.
profile-picture_do = Upload
profile-picture_remove = Remove the picture
profile-done_saved = Your profile was saved.
profile-done_picture = Your picture was saved.
profile-done_removed = Your picture was removed.

## email

email-title = Change your e‑mail address
email-lede = The address of your account is { $email }. It stays until the new one is confirmed.
email-new = New e-mail address
email-do = Send a code
email-check_title = Check your mail
email-check_lede = We have written to { $email }. Type the code here.
email-code = Code
email-verify = Confirm the address
email-again = Use another address
email-undo_title = Undo the change of your address
email-undo_lede = This gives your account its former address again, and signs every browser and application out.
email-undo_do = Undo the change
email-undone = The account has its former address again. Every browser and application was signed out. If you cannot sign in, recover the account: that takes a few days now, and both addresses are told.

## account_delete
delete-title = Delete your account
delete-lede = Your account is deleted in 14 days. Until then you can sign in and keep it.
delete-what = Every browser and every application is signed out now. After 14 days your data is removed, here and at every service, and nobody gets your user name or address for a year.
delete-export = Download a copy of your data first
delete-username = Your user name
delete-username_help = To confirm, type { $name }.
delete-do = Delete my account
delete-requested_title = Your account will be deleted
delete-requested = Your account will be deleted in 14 days. To keep it, sign in before then. We have written to you.
delete-to_account = Back to the account
error-wrong_name = That is not the user name of this account.
error-last_administrator = You are the last administrator. Make somebody else one first.
cause-deletion_requested = The deletion of the account was requested.

## account_export
export-title = Download your data
export-lede = A file with everything that is stored about you here, without passwords and other secrets.
export-none = There is no copy yet. You can ask for one a day.
export-waiting = Your copy is being made. Open this page again in a moment.
export-ready = Your copy is ready. You can download it here until { $date }.
export-elsewhere = A copy is ready until { $date }, in the browser that asked for it and only there.
export-download = Download
export-do = Make a copy
error-export_limit = You asked for a copy less than a day ago. Ask again tomorrow.

## required_deletion
keep-title = Keep your account?
keep-do = Keep the account
keep-sign_out = Sign out
error-deletion_pending = This account will be deleted on { $date }.

## upstream

upstream-title = Signing in with another provider
upstream-with = Continue with { $provider }
upstream-to_providers = Go to your connected accounts
upstream-to_sign_in = Go to the sign-in page
upstream-confirm_title = Connect an account
upstream-confirm_heading = Connect your account at { $provider }?
upstream-confirm_lede = You are signed in as { $name }. Whoever can sign in there will be able to sign in here.
upstream-connect = Connect
upstream-register_title = Create your account
upstream-register_lede = You sign in with { $provider }, so you need no password here. Choose a user name.

## providers

providers-title = Connected accounts
providers-lede = Accounts elsewhere that you sign in with.
providers-list = Connected
providers-none = No account is connected.
providers-off = Switched off
providers-linked = Connected
providers-everywhere = Sign out all my other devices and applications
providers-remove = Remove
providers-others = Connect another account
providers-connect = Connect { $provider }
providers-done_connected = The account is connected.
providers-done_removed = The account is removed.

## notices

notices-title = Notices
notices-lede = Notices about your account go to { $email }, and to a second address if you add one.
notices-refused = The last mail to this address was refused. Check it, or change it.
notices-email = Second address
notices-help = It gets notices and nothing else: nobody signs in or recovers the account with it.
notices-remove = Remove the second address
