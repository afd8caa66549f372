### What the shop says.
### The message that the code calls `section.name` is `section-name` here.

## shop

shop-name = Latchkey Courses
shop-footer = Courses by people who do the work they teach.

## nav

nav-main = Main
nav-courses = All courses
nav-crumbs = You are here
nav-home = Home
nav-sign_in = Sign in
nav-menu = Your menu
nav-library = Your library
nav-orders = Your orders
nav-wallet = Your wallet
nav-teach = Your courses
nav-teaching = Teaching
nav-account = Your account
nav-basket = Basket
nav-in_basket =
    { $n ->
        [one] with { $n } course
       *[other] with { $n } courses
    }
nav-sign_out = Sign out everywhere

## search

search-label = Search courses
search-do = Search
search-suggestions = Titles like this

## home

home-headline = Learn it from somebody who does it.
home-promise = Short, carefully made courses. You see every lesson’s title and length before you decide.
home-ask = What would you like to learn?
home-lead = Just published
home-subjects = Subjects
home-new = New on the shelf
home-beginner = Start from zero
home-all = See all

## listing

listing-title = All courses
listing-found = Courses for “{ $q }”
listing-results = Results
listing-pages = Pages
listing-first = Back to the first page
listing-next = Next page
listing-all = Clear all
listing-empty = No course matches this. Fewer words or fewer filters will find more.
listing-empty_shelf = There are no courses here yet.
listing-description = Search all courses and filter them by subject, level, language and price.

## filter

filter-title = Filters
filter-words = Words
filter-category = Subject
filter-level = Level
filter-language = Language
filter-price = Price
filter-rating = Rating
filter-any_rating = Any rating
filter-stars_up = { $n } stars and more
filter-sort = Order
filter-any_category = All subjects
filter-any_level = All levels
filter-any_language = All languages
filter-any_price = Any price
filter-up_to = Up to { $price }
filter-apply = Show courses
filter-clear = Clear all
filter-active = Filters in use
filter-remove = Remove:

## sort

sort-relevance = Best match first
sort-newest = Newest first
sort-top_rated = Best rated first
sort-price_asc = Lowest price first
sort-price_desc = Highest price first
sort-title = By title

## level

level-beginner = Beginner
level-intermediate = Intermediate
level-advanced = Advanced
level-all = For every level

## language

language-de = Deutsch
language-en = English
language-es = Español
language-fr = Français
language-it = Italiano
language-pt = Português
language-tr = Türkçe

## card

card-limited = Few places

## price

price-free = Free
price-was = Regular price
price-saved = You save { $saved } ({ $percent }%)
price-text = { $symbol }{ $amount }
price-point = .
price-thousands = ,
price-percent = { $percent }%

## unit

unit-lessons =
    { $n ->
        [one] { $n }{"\u00A0"}lesson
       *[other] { $n }{"\u00A0"}lessons
    }
unit-sections =
    { $n ->
        [one] { $n } section
       *[other] { $n } sections
    }
unit-minutes = { $m }{"\u00A0"}min
unit-hours = { $h }{"\u00A0"}h
unit-hours_minutes = { $h }{"\u00A0"}h{"\u00A0"}{ $m }{"\u00A0"}min

## rating

rating-stars = { $average } of 5 stars
rating-reviews =
    { $n ->
        [one] { $n } review
       *[other] { $n } reviews
    }
rating-n_stars =
    { $n ->
        [one] { $n } star
       *[other] { $n } stars
    }

## reviews

reviews-title = What owners say
reviews-of = Reviews of { $title }
reviews-none = Nobody has reviewed this course yet.
reviews-all = All reviews
reviews-unsigned = An owner of this course

## review

review-write = Write a review
review-change = Your review
review-stars = How many stars?
review-text = What should others know?
review-text_help = Optional. At most 2,000 characters.
review-name = Signed by
review-name_help = Everybody sees this name. Leave it empty to stay anonymous.
review-send = Send review
review-withdraw = Withdraw review
review-no_stars = Choose how many stars you give.
review-invalid = The text or the name is too long, or has characters that cannot be shown.
review-not_owner_yet = Only owners review a course. If you have just bought it, try again in a moment.
review-done_written = Thank you for your review.
review-done_written_next = It is on this page now, and you can change it at any time.
review-done_withdrawn = Your review is withdrawn.
review-done_withdrawn_next = You can write another one at any time.

## course

course-by = Taught by { $name }
course-outcomes = What you will be able to do
course-about = About this course
course-curriculum = Curriculum
course-requirements = What you should bring
course-instructor = Your instructor
course-preview = Preview

## buy

buy-title = Price and what is included
buy-not_yet = Enrolment is not open yet
buy-when = You will be able to enrol here, on this page.
buy-limited = Places are limited
buy-seats =
    { $n ->
        [one] { $n } place left
       *[other] { $n } places left
    }
buy-add = Add to basket
buy-in_basket = This course is in your basket.
buy-to_basket = Go to the basket
buy-owned = You own this course.
buy-learn = Go to the course
buy-sold_out = No places are left
buy-sold_out_next = If the instructor opens more, you can enrol here.
buy-included = What is included
buy-previews =
    { $n ->
        [one] { $n } lesson to preview
       *[other] { $n } lessons to preview
    }
buy-language = In { $language }
buy-updated = Last updated

## basket

basket-title = Your basket
basket-lines = Courses in your basket
basket-empty = Your basket is empty.
basket-look = Look at the courses
basket-only_saved = Nothing is in your basket. What you saved for later is below.
basket-unknown = A course that is no longer in the shop
basket-each = { $price } each
basket-quantity = Quantity
basket-change = Change
basket-save = Save for later
basket-move = Move to basket
basket-remove = Remove
basket-saved = Saved for later
basket-sum = Summary
basket-subtotal = Subtotal
basket-total = Total
basket-checkout = Go to checkout
basket-sign_in_to_checkout = Sign in to check out
basket-price_changed = The price was { $before } when you added it. Today’s price counts.
basket-line_owned = You own this already. Remove it to go on.
basket-line_sold_out = No places are left. Save it for later or remove it to go on.
basket-line_unavailable = This is no longer for sale. Remove it to go on.
basket-not_ready = Something in your basket cannot be bought.
basket-not_ready_next = Remove it or save it for later, then go to checkout.
basket-added = It is in your basket.
basket-added_next = Go to checkout, or look for more.
basket-owned = You own this course already.
basket-owned_next = Nothing was added.
basket-not_for_sale = This course is not for sale.
basket-not_for_sale_next = Nothing was added.
basket-full = Your basket is full.
basket-full_next = It holds at most 50 courses, with those that are saved for later. Remove one first.
basket-bad_quantity = This is not a quantity that can be bought.
basket-bad_quantity_next = Nothing was changed. Write a number from 1 to 100.
basket-gone = It was no longer in your basket.
basket-gone_next = This is what your basket has now.

## coupon

coupon-code = Coupon code
coupon-apply = Apply
coupon-remove = Remove coupon { $code }
coupon-line = Coupon { $code }
coupon-unchecked = It cannot be checked now. The checkout does it again before you pay.
coupon-after_sign_in = It is checked once you are signed in.
coupon-expired = This coupon is not valid today.
coupon-limit = This coupon is used up.
coupon-not_eligible = This coupon is not valid for what is in your basket.
coupon-min_subtotal = Your basket is too small for this coupon.
coupon-unknown = There is no such coupon.
coupon-refused = This coupon cannot be used now. Try again later.
coupon-bad = This does not look like a coupon code.
coupon-bad_next = Nothing was changed. Codes have letters, digits and hyphens.

## wishlist

wishlist-title = Your wishlist
wishlist-courses = Courses for later
wishlist-keep = Save to wishlist
wishlist-kept = On your wishlist
wishlist-none = Nothing is on your wishlist. The page of each course has a button for it.
wishlist-visitor = This list is kept in this browser for a week. Sign in to keep it.
wishlist-price_changed = The price was { $before } when you saved it.
wishlist-line_owned = You own this already.
wishlist-line_sold_out = No places are left at the moment.
wishlist-line_unavailable = This is no longer for sale.
wishlist-done_kept = It is on your wishlist.
wishlist-done_kept_next = It stays there until you move it to your basket or remove it.
wishlist-done_removed = It is no longer on your wishlist.
wishlist-done_removed_next = The course stays in the shop.
wishlist-full = Your wishlist is full.
wishlist-full_next = Basket and wishlist hold at most 50 courses together. Remove one first.

## checkout

checkout-title = Checkout
checkout-address = 1. Where the invoice goes
checkout-name = Name
checkout-street = Street and number
checkout-postal_code = Postal code
checkout-city = City
checkout-country = Country
checkout-pay = 2. How you pay
checkout-wallet = From your wallet, where you have { $available }
checkout-wallet_max = As much as possible
checkout-wallet_some = No more than the amount below
checkout-wallet_none = Nothing
checkout-wallet_amount = At most this amount
checkout-card = The rest by card
checkout-saved_card = { $card }, valid until { $until }
checkout-new_card = A new card
checkout-typed_card = The card that you have just entered
checkout-save_card = Save this card for next time
checkout-no_card = No card: the wallet pays all of it
checkout-card_help = For a new card. The shop takes the published test cards alone, such as 4242 4242 4242 4242; no money moves.
checkout-card_number = Card number
checkout-card_expiry = Expiry
checkout-card_month = Month
checkout-card_year = Year
checkout-card_cvc = Security code
checkout-review = 3. Review
checkout-terms = I agree to the terms of the shop, and that I can use the course at once.
checkout-terms_short = Terms
checkout-buy = Pay { $total }
checkout-buy_free = Enrol for free
checkout-trust = You are charged only once, however often you press. Your card number goes to the card processor and is not kept here.
checkout-faults = Some fields need your attention. Nothing was ordered.
checkout-fault = { $field }: { $message }
checkout-fault_missing = fill this in
checkout-fault_text = is too long, or has characters that cannot be printed
checkout-fault_amount = write an amount such as 20 or 20.00
checkout-fault_no_payment = choose a card, or let your wallet pay
checkout-fault_terms = agree to them to order
checkout-fault_card_number = this is not a card number. Type it again
checkout-fault_test_card = only the published test cards are taken. Type another one
checkout-fault_many_cards = you have ten saved cards. Choose one of them
checkout-fault_card_expiry = write month and year as on the card, not in the past
checkout-fault_card_cvc = write the three or four digits of the security code
checkout-fault_other = The order could not be read. Check every field and try again.
checkout-basket_changed = Your basket has changed in the meantime. Nothing was ordered.
checkout-basket_changed_next = Check what is in it now, and the total, then order again.
checkout-price_changed = The price has changed in the meantime. Nothing was ordered.
checkout-price_changed_next = The new total is below. Order again if you agree.
checkout-sent_before = This form was sent before, with other content.
checkout-sent_before_next = Look at your orders before you send it again.
checkout-away = We did not hear whether your order was taken.
checkout-away_next = Press the button again in a moment. You cannot order twice by it.
checkout-payment_away = Payment cannot be reached right now. Nothing was ordered.
checkout-payment_away_next = Usually this lasts a few seconds. Your basket stays as it is.

## country

country-at = Austria
country-be = Belgium
country-ch = Switzerland
country-de = Germany
country-es = Spain
country-fr = France
country-gb = United Kingdom
country-ie = Ireland
country-it = Italy
country-nl = Netherlands
country-pl = Poland
country-pt = Portugal
country-tr = Türkiye
country-us = United States

## action

action-title = Confirm this payment
action-lede = The issuer of your card asks whether it is you who pays.
action-order = Order
action-from = From
action-amount = Amount
action-until = Answer before { $time }. After that the order is called off and nothing is charged.
action-approve = Yes, it is me
action-deny = No, stop it
action-test = This page stands in for that of a bank: the shop takes test cards alone.

## error

error-trace = If you write to us about this, please quote
error-to_home = Go to the home page
error-to_courses = Go to all courses
error-again = Try again
error-back = Back to the page
error-bad_title = We cannot read this address.
error-bad_next = Part of it is missing or was changed. Start the search again from the list.
error-missing_title = This page does not exist.
error-missing_next = The page may have moved, or the course was taken down by its author.
error-method_title = This page does not accept that request.
error-method_next = This address only shows a page.
error-foreign_title = This form came from somewhere else.
error-foreign_next = We only accept forms from our own pages. Go back and try again there.
error-broken_title = Something went wrong on our side.
error-broken_next = It has been logged. Trying again in a moment may help.
error-away_title = The courses cannot be reached right now.
error-away_next = Usually this lasts a few seconds. Nothing of yours is lost.
error-part_away_title = This part of the shop cannot be reached right now.
error-part_away_next = Usually this lasts a few seconds. Nothing of yours is lost.
error-maybe_done = Usually this lasts a few seconds. What you sent may or may not have been done: look there first.
error-sign_in_title = You are not signed in.
error-sign_in_next = The sign-in was not finished in this browser, or took too long. Start it again.
error-to_sign_in = Sign in
error-forbidden_title = Your account is not allowed to do this.
error-forbidden_next = Contact the shop if you want to teach here.
error-instructor_title = Only instructors write courses.
error-instructor_next = Ask the shop to make you an instructor. Then sign in again, and this page opens.
error-signed_out_title = You are signed out.
error-signed_out_next = Sign in again and repeat what you did. Nothing was saved.

## teach

teach-title = Your courses
teach-lede = Only you can see drafts until you publish them.
teach-new = New course
teach-none = You have not written a course yet.
teach-updated = Changed { $day }
teach-draft = Draft
teach-published = Published
teach-unlisted = Unlisted
teach-archived = Archived
teach-publish = Publish
teach-unlist = Take out of the lists
teach-archive = Archive for good
teach-archive_ask = Archive “{ $title }” for good?
teach-archive_means = It is no longer sold, and it cannot be changed or published again. Learners who have it keep it.
teach-keep = Keep it
teach-see = See it in the shop
teach-save = Save
teach-write = Save draft
teach-stale = The course was changed in another window in the meantime. Compare, then save again.
teach-signed_out = You have been signed out. What you typed is still here, but not saved yet.
teach-signed_out_next = Sign in again in a new tab, come back to this one, and save.
teach-sign_in_again = Sign in in a new tab
teach-again = This page was opened before your last sign-in. Nothing was saved.
teach-again_next = Check what you typed, then save again.
teach-forbidden = You are not an instructor any more. What you typed is still here, but not saved.
teach-forbidden_next = Keep a copy of it, and ask the shop to make you an instructor again. Then save once more.
teach-faults = Some fields need your attention.
teach-faults_next = Nothing was saved.
teach-fault = { $field }: { $message }
teach-f_title = Title
teach-f_title_help = 5 to 120 characters.
teach-f_subtitle = One sentence that says what it is about
teach-f_description = Description
teach-f_description_help = Markdown: paragraphs, lists, emphasis, links. At least 100 characters to publish.
teach-f_category = Subject
teach-f_level = Level
teach-f_language = Language
teach-f_price = Price in euros
teach-f_price_help = 59 or 59.00; 0 means free. Required to publish.
teach-f_list_price = Regular price (optional)
teach-f_limited = Places are limited
teach-f_capacity = Number of places
teach-f_capacity_help = Only if they are limited; then it is required to publish.
teach-capacity_later = Its number of places is not saved yet. Save again in a moment.
teach-capacity_taken = Its number of places is as before: more than that are taken already.
teach-f_outcomes = What people will be able to do
teach-f_requirements = What people should bring
teach-f_lines_help = One per line.
teach-f_sections = Curriculum
teach-f_sections_help = Leave the rows that you do not need empty. Saving adds new ones.
teach-f_section = Section { $n }
teach-f_lesson = Lesson { $n }
teach-f_minutes = Minutes
teach-f_preview = Free preview
teach-no_category = Not decided
teach-f_photo = Photo
teach-photo_file = A picture that shows what the course is about
teach-photo_help = JPEG, PNG or WebP, at most 8 MiB. Save your text first: uploading loads this page again.
teach-photo_upload = Upload photo
teach-photo_remove = Remove photo
teach-photo_empty = choose a file first.
teach-photo_too_long = the file is larger than 8 MiB. Make it smaller.
teach-photo_no_picture = the file is not a JPEG, PNG or WebP.
teach-photo_too_large = the picture has more than 40 megapixels, or a side of more than 8192 pixels. Make it smaller.
teach-photo_moving = the picture is animated. Choose a still one.
teach-photo_damaged = the picture cannot be read to its end. Save it again with an image editor.
teach-photo_quota = you have 500 photos. Delete one that no course shows first.
teach-photo_busy = photos cannot be taken in at the moment. Try again in a minute.
teach-photo_stale = the course was changed in another window in the meantime. Upload the photo again.
teach-done_photo = The photo is uploaded.
teach-done_photo_next = The course shows it from now on.
teach-done_no_photo = The photo is removed.
teach-done_no_photo_next = The course shows the picture that is drawn for it.
teach-done_created = Your draft is saved.
teach-done_created_next = Nobody else sees it until you publish it.
teach-done_saved = Your changes are saved.
teach-done_saved_next = A published course shows them at once.
teach-done_publish = Your course is public.
teach-done_publish_next = Everybody can find it in the shop now.
teach-done_unlist = Your course is no longer listed.
teach-done_unlist_next = Anyone with its address can still see it.
teach-done_archive = Your course is archived.
teach-done_archive_next = It is no longer sold. Learners who have it keep it.
teach-state = State

## fault

fault-control = contains control characters
fault-at_most = has more than { $most } characters
fault-between = must have { $least } to { $most } characters
fault-at_least = must have at least { $least } characters
fault-entries = has more than { $most } entries
fault-money = must be from { $least } to { $most } minor units
fault-range = must be { $least } to { $most }
fault-category = does not name an existing category
fault-category_unset = must be chosen
fault-language = must be a language tag such as en or pt-BR
fault-list_below = must not be below the price
fault-list_alone = requires a price
fault-price_unset = must be set; 0 means free of charge
fault-no_lesson = must have at least one lesson
fault-places_unset = must be set: say how many places there are
fault-price_form = must be a price such as 59 or 59.00
fault-places_form = must be a whole number such as 12
fault-minutes = “{ $lesson }” needs a length in minutes

## orders

orders-title = Your orders
orders-none = You have not ordered anything yet.
orders-browse = Look at the courses
orders-more =
    { $n ->
        [one] and { $n } more
       *[other] and { $n } more
    }
orders-on = Ordered { $day }

## order

order-title = Order { $number }
order-lines = What you ordered
order-known_as = Now called “{ $title }”
order-quantity = × { $n }
order-line_refunded = Refunded
order-sums = What it cost
order-subtotal = Subtotal
order-discount = Discount
order-discount_code = Discount with { $code }
order-total = Total
order-tax = Tax contained in it
order-from_wallet = Paid from your wallet
order-from_card = Paid by card
order-refunded = Refunded so far
order-address = Billed to
order-history = What happened
order-follow = See how far it is
order-learn = Go to your library
order-invoice = Invoice

## order_state

order_state-submitted = Being reserved
order_state-reserved = Being paid
order_state-action_required = Waits for you
order_state-capturing = Being paid
order_state-paid = Paid
order_state-compensating = Being undone
order_state-completed = Completed
order_state-refunding = Being refunded
order_state-partially_refunded = Partly refunded
order_state-refunded = Refunded
order_state-failed = Did not come about
order_state-cancelled = Cancelled

## order_told

order_told-submitted = We are reserving your places. This usually takes a second.
order_told-reserved = Your places are reserved. We are asking for the payment.
order_told-action_required = Your bank wants you to confirm the payment. Your places stay reserved until then.
order_told-capturing = Your payment is confirmed and is being taken. The order can no longer be cancelled.
order_told-paid = You have paid. Your access is being prepared; you do not have to wait here.
order_told-compensating = This order does not come about. What was reserved is being given back.
order_told-completed = Everything is done. Your courses are in your library.
order_told-refunding = Your refund is under way: access ends first, then the money goes back.
order_told-partially_refunded = A part of this order was refunded.
order_told-refunded = This order was refunded completely.
order_told-failed = This order did not come about. Nothing is reserved for it any more, and you were not charged.
order_told-cancelled = You cancelled this order. Nothing is reserved for it any more, and you were not charged.

## status

status-title = Order { $number }
status-steps = How far it is
status-reload = Check again
status-waiting = This page follows your order by itself. You can also leave it: the order goes on without you.
status-cancel = Cancel the order
status-cancel_help = Possible until the payment is taken.
status-confirm = Confirm the payment
status-deadline = Until { $time }
status-undone = What was undone
status-undoing = What is being undone
status-order = See the order
status-refused = This page can no longer be updated for you.
status-refused_next = Your sign-in has changed since you opened it. Your order goes on without this page.
status-too_late = It was too late to cancel.
status-too_late_next = The payment is being taken or has been. When the order is completed you can ask for a refund.

## step

step-reserve = Reservation
step-pay = Payment
step-access = Access

## step_reserve

step_reserve-todo = Not yet
step_reserve-now = Places are being reserved
step_reserve-yours = Waits for you
step_reserve-done = Reserved
step_reserve-failed = Did not succeed
step_reserve-undoing = Being given back
step_reserve-undone = Given back
step_reserve-skipped = Not needed

## step_pay

step_pay-todo = Not yet
step_pay-now = Being checked
step_pay-yours = Waits for your confirmation
step_pay-done = Paid
step_pay-failed = Did not succeed
step_pay-undoing = Being released
step_pay-undone = Released
step_pay-skipped = Nothing was charged

## step_access

step_access-todo = Not yet
step_access-now = Being prepared
step_access-yours = Waits for you
step_access-done = In your library
step_access-failed = Did not succeed
step_access-undoing = Being taken back
step_access-undone = Taken back
step_access-skipped = Not given

## released

released-seats = The reserved places were given back.
released-coupon = Your coupon can be used again.
released-money = No money of yours is reserved any more.

## releasing

releasing-seats = The reserved places are being given back.
releasing-coupon = Your coupon is being freed.
releasing-money = Money that was reserved in your wallet or on your card is being released.

## reason

reason-other = Something went wrong while we were working on your order.
reason-sold_out = The last place was taken before it could be reserved for you.
reason-already_owned = You own one of these courses already.
reason-already_pending = You are ordering one of these courses in another order.
reason-not_for_sale = One of these courses is not for sale any more.
reason-unknown_item = One of these courses does not exist any more.
reason-reservation_cancelled = The reservation was called off.
reason-reservation_timeout = The reservation was not answered in time.
reason-coupon_expired = Your coupon is no longer valid.
reason-coupon_limit = Your coupon has been used as often as it may be.
reason-coupon_not_eligible = Your coupon is not for these courses.
reason-coupon_min_subtotal = Your coupon needs a larger order.
reason-coupon_unknown = There is no such coupon.
reason-coupon_cancelled = The reservation of your coupon was called off.
reason-coupon_changed = Your coupon is worth something else by now.
reason-insufficient_credits = Your wallet has too few credits.
reason-card_declined = Your card was declined.
reason-insufficient_funds = Your card has too little money.
reason-expired_card = Your card has expired.
reason-bad_cvc = The security code of your card is wrong.
reason-unknown_card = The card is not among your saved cards any more.
reason-action_denied = You did not confirm the payment.
reason-payment_abandoned = The payment was not confirmed in time.
reason-payment_cancelled = The payment was called off.
reason-processor_error = The card processor could not handle the payment.
reason-payment_timeout = The payment was not answered in time.
reason-amount_mismatch = Another amount than yours was reserved, so we stopped.
reason-capture_failed = The payment was confirmed but could not be taken.
reason-cancelled_by_buyer = You cancelled it.
reason-refund_failed = A refund could not be carried out. You have access again, and the money is still here.

## advice

advice-again = Nothing of yours is lost. Your basket is still there; try again in a moment.
advice-other_course = Take that course out of your basket, and order the rest.
advice-coupon = Take the coupon out of your basket or use another one, and order again.
advice-card = Your basket is still there. Order again with another card or from your wallet.
advice-confirm = Your basket is still there. Order again, and confirm the payment when you are asked.
advice-owned = You find it in your library. Take it out of your basket to order the rest.
advice-pending = Wait until the other order is done.
advice-wallet = Top up your wallet, or order again with a card.
advice-basket = Your basket is still there.
advice-contact = Write to us with the number of the order, and we put it right.
advice-to_basket = Go to your basket
advice-to_library = Go to your library
advice-to_orders = Go to your orders
advice-to_wallet = Go to your wallet

## refund

refund-title = Refunds
refund-ask = Ask for a refund
refund-rule = Soon after the purchase the money goes back without anybody deciding about it. Later, and for what you have used or learned, somebody looks at it first. Your access ends before the money goes back.
refund-lines = What to refund
refund-why = Why?
refund-why_help = 1 to 500 characters.
refund-to = Where should the money go?
refund-to_wallet = To your wallet
refund-to_card = To your card
refund-send = Ask for the refund
refund-state_requested = Being looked at
refund-state_approved = Under way
refund-state_refunded = Refunded
refund-state_rejected = Declined
refund-state_failed = Did not succeed
refund-review_late = The purchase is too long ago to be given back at once, so somebody decides about it.
refund-review_consumed = Some of it has been used, so somebody decides about it.
refund-review_progress = You have already learned a good part of it, so somebody decides about it.
refund-note = Our answer: { $note }
refund-done = Your refund is on its way to us.
refund-done_next = Below you see what becomes of it.
refund-wrong = The refund was not asked for.
refund-no_lines = Choose at least one line.
refund-no_reason = Say in a few words why.
refund-more_than_card = The card has paid less than that. Choose your wallet, or fewer lines.
refund-open = Another refund of this order is not finished yet. Wait until it is.
refund-not_refundable = Nothing of this order can be refunded at the moment.
refund-refused = Part of what you chose cannot be refunded.

## history

history-submitted = Ordered
history-reserved = Places reserved
history-action_required = Your confirmation was needed
history-capturing = Payment confirmed
history-paid = Paid
history-compensating = Stopped: what was reserved is given back
history-completed = Completed
history-refunding = Refund begun
history-partially_refunded = Partly refunded
history-refunded = Refunded
history-failed = Everything given back
history-cancelled = Cancelled, and everything given back

## invoice

invoice-title = Invoice { $number }
invoice-waiting = Your invoice is on its way
invoice-waiting_next = It is written as soon as your order is paid, usually within a second. Look again in a moment.
invoice-back = Back to the order
invoice-order = Order
invoice-issued = Issued { $day }
invoice-pdf = Download as PDF
invoice-seller = Sold by
invoice-buyer = Sold to
invoice-no_buyer = No address was given.
invoice-tax_id = Tax number { $number }
invoice-course = Course
invoice-price = Price
invoice-net = Without tax
invoice-untaxed = No tax is due on this invoice.
invoice-notes = Credit notes
invoice-note = Credit note { $number }
invoice-note_pdf = PDF
invoice-to_card = Given back to your card
invoice-to_wallet = Given back to your wallet

## sales

sales-title = Your sales
sales-lede = From { $from } to { $to }, without tax.
sales-share = Your share
sales-sold = Sold
sales-refunded = Given back
sales-payable = We owe you
sales-months = By month
sales-in_month = Month
sales-month = { $month } { $year }
sales-quantity = Sales
sales-courses = By course
sales-single = Single sales
sales-none = Nothing was sold in this time.
sales-refund = Refund
sales-of_it = { $share } of it yours

## ledger

ledger-title = The books
ledger-lede = Every sale, refund, fee and credit in double entry. Nothing here can be changed.
ledger-balanced = Balanced
ledger-balanced_next = { $amount } on either side.
ledger-unbalanced = Not balanced
ledger-unbalanced_next = Debits and credits differ. Somebody must have reached the database past the service.
ledger-accounts = Trial balance
ledger-account = Account
ledger-debit = Debit
ledger-credit = Credit
ledger-balance = Balance
ledger-sum = All accounts
ledger-compared = Compared with orders and payments
ledger-clean = Everything agrees
ledger-unclean = Something differs
ledger-check = What is compared
ledger-expected = Should be
ledger-found = In the books
ledger-drift = Difference
ledger-none = none
ledger-since = since { $minute }
ledger-check_wallets = Balances of all wallets
ledger-check_sales = Invoices and sales
ledger-check_captures = Captured payments and sales
ledger-check_refunds = Credit notes and refunds
ledger-check_trial_balance = Debits and credits
ledger-check_other = Another check
ledger-chain_whole =
    { $n ->
        [one] The chain of hashes is whole: { $n } entry is as it was written.
       *[other] The chain of hashes is whole: { $n } entries are as they were written.
    }
ledger-chain_broken = Entry { $n } is not what was once written
ledger-chain_next = Compare it with a backup before anything else is done.
ledger-journal = Journal
ledger-empty = Nothing was written yet.

## ledger_account

ledger_account-1000 = Card clearing
ledger_account-2000 = Wallet credits
ledger_account-2100 = Instructor payable
ledger_account-2200 = Tax payable
ledger_account-4000 = Commission
ledger_account-5000 = Promotional credits
ledger_account-5100 = Card fees

## wallet

wallet-title = Your wallet
wallet-lede = Credits pay for orders, and take refunds.
wallet-available = You can spend
wallet-balance = In your wallet
wallet-held = Reserved for orders
wallet-entries = What moved
wallet-none = Nothing has moved in your wallet yet.
wallet-after = { $balance } afterwards
wallet-kind_top_up = Topped up
wallet-kind_grant = Credits from us
wallet-kind_hold = Reserved for an order
wallet-kind_release = Released
wallet-kind_capture = Paid for an order
wallet-kind_refund = Refund
wallet-kind_write_off = Written off
wallet-order = See the order
wallet-top_up = Top up
wallet-amount = Amount
wallet-amount_help = Between { $least } and { $most }.
wallet-with = From which card?
wallet-new_card = A new card
wallet-send = Top up
wallet-cards = Saved cards
wallet-cards_none = You have no saved card. A new one is saved when you top up or order.
wallet-card_until = until { $month }/{ $year }
wallet-delete = Delete
wallet-delete_named = Delete the card ending in { $last4 }
wallet-done_deleted = The card is deleted.
wallet-done_deleted_next = Payments under way go on.
wallet-faults = The wallet was not topped up.
wallet-faults_next = Put right what is marked. Type the card once more: we do not keep what you typed.
wallet-wrong_amount = The amount must be between { $least } and { $most }.
wallet-wrong_card = Choose a card.
wallet-full = Your wallet cannot take so much more.
wallet-closed = Your wallet is closed.
wallet-unanswered = We do not know yet whether this was done. Send it once more as it is: it is charged only once.
wallet-sent_otherwise = A top-up was sent with other values before. Look below whether it arrived, and send this one again.
wallet-too_many_cards = You have as many saved cards as possible. Delete one first.

## card_form

card_form-number = Card number
card_form-number_help = Only the published test cards work here, such as 4242 4242 4242 4242. No real money moves.
card_form-expiry = Valid until
card_form-expiry_help = Month and year, such as 04/29.
card_form-cvc = Security code
card_form-cvc_help = Three or four digits. It is never stored.
card_form-wrong_number = This is not a card number.
card_form-wrong_expiry = Write the month and the year, such as 04/29. The card must still be valid.
card_form-wrong_cvc = The security code has three or four digits.
card_form-test_only = Only the published test cards are accepted here.

## top_up

top_up-title = Top up { $amount }
top_up-back = To your wallet
top_up-again = Try again
top_up-confirm = Confirm the payment
top_up-deny = Do not pay
top_up-pending = We are asking for your payment. This usually takes a second.
top_up-action = Your bank wants you to confirm the payment.
top_up-done = Done. The credits are in your wallet.
top_up-failed = Your wallet was not topped up, and you were not charged.
top_up-failed_next = Try again, perhaps with another card.
top_up-undone = This payment was refunded.

## library

library-title = Your library
library-none = You do not own a course yet. What you order appears here.
library-browse = Look at the courses
library-done = { $done } of { $all } lessons done
library-done_some =
    { $n ->
        [one] { $n } lesson done
       *[other] { $n } lessons done
    }
library-whole = Completed
library-begin = Start
library-resume = Continue
library-again = Look at it again
library-items = You have { $n } of these
library-use = Use one
library-used = One is used.
library-used_next = What is left stands beside it.
library-too_few = There was none left to use.
library-too_few_next = Another window may have used the last one.
library-progress = Your progress in { $title }
library-bought = Your order is complete.
library-bought_next = What you bought is here now. The receipt is under your orders.

## learn

learn-resume = Continue where you were
learn-begin = Start with the first lesson
learn-go = Go to the lesson
learn-mark = Mark as done
learn-mark_named = Mark “{ $title }” as done
learn-marked = Done
learn-all = Congratulations: you have finished this course.
learn-all_next = All { $n } lessons are done. They stay here for you.
learn-lessons = Lessons
learn-empty = This course has no lessons yet. They will appear here.

## admin

admin-title = Administration
admin-lede = What waits for somebody to look at it.
admin-overview = Overview
admin-orders = Orders
admin-refunds = Refunds
admin-grants = Grants
admin-coupons = Coupons
admin-stuck = Orders that are stuck
admin-refunds_open = Refunds to decide about
admin-grants_open = Grants that need a second administrator
admin-letters_open = Events that failed
admin-away = cannot be asked right now

## admin_orders

admin_orders-title = All orders
admin_orders-show = Show
admin_orders-apply = Show these
admin_orders-all = All orders
admin_orders-alerted = Stuck: somebody should look
admin_orders-none = There is no such order.
admin_orders-since = Stuck since { $time }

## admin_order

admin_order-alert_next = It goes on by itself as soon as whoever it waits for answers. Ask again, or close the alert with a note.
admin_order-parts = Who has done what
admin_order-seats = Places
admin_order-coupon = Coupon
admin_order-payment = Payment
admin_order-timers = What happens next by itself
admin_order-act = What you can do
admin_order-retry = Ask again now
admin_order-retry_help = Sends once more to everybody who has not answered. Nothing is done twice by it.
admin_order-note = What did you find out?
admin_order-note_help = 1 to 500 characters. It stays in the log of the order; the order itself does not change.
admin_order-no_note = Say in a few words what you found out.
admin_order-resolve = Close the alert
admin_order-facts = The order
admin_order-buyer = Buyer
admin_order-lines = What was ordered
admin_order-grant = Give them something
admin_order-payment_id = Payment number
admin_order-log = What happened
admin_order-by = by
admin_order-sent = Sent:
admin_order-done_retry = Everybody who has not answered was asked again.
admin_order-done_retry_next = Their answers appear below. Load the page again in a moment.
admin_order-done_resolve = The alert is closed.
admin_order-done_resolve_next = Your note is in the log of the order.
admin_order-done_nothing = There was nothing to do.
admin_order-done_nothing_next = The order has gone on in the meantime. Below you see how far it is.

## saga_part

saga_part-idle = Not asked
saga_part-asked = Asked, no answer yet
saga_part-held = Holds it
saga_part-settling = Asked to make it final
saga_part-settled = Final
saga_part-undoing = Asked to give it back
saga_part-undone = Given back
saga_part-refused = Refused

## saga_timer

saga_timer-resend = Asks again
saga_timer-deadline = Gives up
saga_timer-query = Asks payment what it knows
saga_timer-alert = Calls for an administrator
saga_timer-attempts =
    { $n ->
        [one] (after { $n } attempt)
       *[other] (after { $n } attempts)
    }

## saga_cause

saga_cause-admin_resolve = Alert closed
saga_cause-admin_retry = Asked again by an administrator
saga_cause-buyer_cancel = Called off by the buyer
saga_cause-buyer_submit = Ordered
saga_cause-discount_committed = Coupon used up
saga_cause-discount_refused = Coupon refused
saga_cause-discount_released = Coupon given back
saga_cause-discount_reserved = Coupon reserved
saga_cause-identity_user_deleted = Buyer deleted their account
saga_cause-inventory_granted = Access given
saga_cause-inventory_refused = Places refused
saga_cause-inventory_released = Places given back
saga_cause-inventory_reserved = Places reserved
saga_cause-inventory_revoked = Access taken back
saga_cause-inventory_stale = Inventory asked about an old reservation
saga_cause-payment_action_required = Bank asks the buyer to confirm
saga_cause-payment_authorized = Payment authorized
saga_cause-payment_capture_failed = Payment could not be taken
saga_cause-payment_captured = Payment taken
saga_cause-payment_declined = Payment declined
saga_cause-payment_refund_failed = Refund failed at payment
saga_cause-payment_refunded = Money given back
saga_cause-payment_voided = Authorization released
saga_cause-refund_approved = Refund begun
saga_cause-timer_alert = Nobody answered for too long
saga_cause-timer_deadline = Deadline passed
saga_cause-timer_query = Payment asked what it knows
saga_cause-timer_resend = Asked again

## letters

letters-title = Failed events
letters-lede = What a service could not handle, and put aside. Mend the cause first, then have it delivered again.
letters-none = Every event was handled. There is nothing to do.
letters-consumer = Handled by
letters-of_all = All ({ $n })
letters-attempts =
    { $n ->
        [one] { $n } attempt
       *[other] { $n } attempts
    }
letters-letters =
    { $n ->
        [one] { $n } event
       *[other] { $n } events
    }
letters-redrive_all =
    { $n ->
        [one] Deliver { $n } event again
       *[other] Deliver { $n } events again
    }
letters-all_help = Ten in a second, the oldest first. What fails again comes back here.
letters-why = It could not be handled.
letters-tried = Tried
letters-first_at = First failed
letters-parked_at = Put aside
letters-event_id = Event number
letters-event = The event
letters-redrive = Deliver it again
letters-redrive_help = It is handled as if it had just come. Nothing is done twice by it.
letters-discard_why = Why will it never be needed?
letters-discard_help = 1 to 500 characters. It stays on record; the event itself is deleted for good.
letters-discard = Discard it
letters-no_reason = Say in a few words why it can be discarded.
letters-done_redriven = The event is delivered again.
letters-done_redriven_next = If it fails once more, it comes back here with the new reason.
letters-done_all = All of them are delivered again.
letters-done_discarded = The event is discarded.
letters-done_discarded_next = Who did it, and why, is on record.
letters-done_absent = That event is no longer here.
letters-done_absent_next = It was delivered again or discarded before.
letters-done_failed = Nothing was done: the events could not be reached.
letters-done_failed_next = Try again in a moment.
letters-done_under_way = This takes a while.
letters-done_under_way_next = The record says when it is done.
letters-record = What was done
letters-record_lede = Everything that administrators did about failed events, the newest first.
letters-record_none = Nothing had to be done so far.
letters-did_redrive = Delivered again
letters-did_redrive_all = All delivered again
letters-did_discard = Discarded
letters-was_done = Done
letters-was_absent = Was gone already
letters-was_failed = Failed
letters-is_under_way = Under way

## admin_refunds

admin_refunds-title = Refunds to decide about
admin_refunds-lede = The oldest first. Access ends before the money goes back, and the buyer reads your note.
admin_refunds-none = No refund waits for a decision.
admin_refunds-order = See the order
admin_refunds-to_wallet = To the wallet
admin_refunds-to_card = To the card
admin_refunds-late = More than 14 days after the purchase
admin_refunds-consumed = Some of it has been used
admin_refunds-progress = Much of the course is done
admin_refunds-note = Your answer to the buyer
admin_refunds-approve = Approve
admin_refunds-reject = Decline
admin_refunds-approved = The refund is approved.
admin_refunds-approved_next = Access ends first, then the money goes back.
admin_refunds-rejected = The refund is declined.
admin_refunds-rejected_next = The buyer finds your answer at their order.
admin_refunds-decided = This refund was decided before.
admin_refunds-decided_next = The first decision counts.
admin_refunds-no_note = Nothing was decided: the answer is missing.
admin_refunds-no_note_next = Write 1 to 500 characters that the buyer can read.
admin_refunds-not_now = The order cannot be refunded in its present state.
admin_refunds-not_now_next = Wait until another refund of it is finished, then decide again.

## grants

grants-title = Grants
grants-lede = Credits and courses that the shop gives away. Who gave what, and why, stays on record.
grants-credits = Give credits
grants-item = Give a course
grants-user = User number
grants-user_help = As it stands at an order of theirs.
grants-amount = Amount in euros
grants-amount_help = Above €100.00 a second administrator must approve it.
grants-reason = Reason
grants-reason_help = At least 5 characters, for the record.
grants-course = Course
grants-course_help = Its address in the shop, or its number.
grants-give_credits = Give the credits
grants-give_item = Give the course
grants-given = Credits given so far
grants-none = No credits were given yet.
grants-pending = Waits for a second administrator
grants-to = to
grants-by = by
grants-approved_by = approved by
grants-approve = Approve
grants-faults = Nothing was given.
grants-wrong_user = There is no wallet or library of such a user.
grants-wrong_amount = Write an amount between 0.01 and 10000.00.
grants-wrong_reason = Say why, in 5 to 200 characters.
grants-wrong_course = There is no such course in the shop.
grants-wrong_quantity = Write a number from 1 to 100; of a course, 1.
grants-full = The wallet cannot take so much more.
grants-closed = The wallet of this user is closed.
grants-owned = The user owns this course already.
grants-ordering = The user is ordering this course right now.
grants-sold_out = Too few places are left.
grants-refused = It was refused. Check every field, then try again.
grants-sent_otherwise = This form was sent with other values before. Look below whether it arrived, and send it again.
grants-unanswered = We do not know yet whether this was done. Send it once more as it is: it is given only once.
grants-done_granted = The credits are in the wallet.
grants-done_granted_next = The grant is on record below.
grants-done_pending = The grant waits for a second administrator.
grants-done_pending_next = It is in the list below, where they can approve it.
grants-done_item = It is in their library.
grants-done_item_next = The reason is on record.
grants-done_approved = The grant is approved.
grants-done_approved_next = The credits are in the wallet.
grants-done_decided = This grant was approved before.
grants-done_decided_next = The credits were given once.
grants-done_same = Another administrator must approve this grant.
grants-done_same_next = You asked for it, so the second look cannot be yours.
grants-done_wallet = The wallet cannot take it.
grants-done_wallet_next = It is closed, or it would be too full.

## coupons

coupons-own = Coupons
coupons-own_title = Coupons for your courses
coupons-own_lede = Each is valid for all of your courses, and for nobody else’s.
coupons-own_scope = The coupon is valid for all of your courses.
coupons-all_title = Coupons of the shop
coupons-all_lede = Those of the shop and those of every instructor, the newest first.
coupons-new = New coupon
coupons-none = There is no coupon yet.
coupons-one = Coupon { $code }
coupons-off = { $off } off
coupons-active = Active
coupons-paused = Paused
coupons-archived = Deleted
coupons-always = Always valid
coupons-from = From { $from }
coupons-to = Until { $to }
coupons-from_to = { $from } to { $to }
coupons-used = used { $n } times
coupons-used_of = used { $n } of { $most } times
coupons-t_worth = Worth
coupons-t_scope = Valid for
coupons-t_valid = When
coupons-t_used = So far
coupons-t_reserved = Orders under way
coupons-t_per_user = Orders of one buyer
coupons-t_min = Least subtotal
coupons-t_first = First order only
coupons-t_user = Only for
coupons-yes = Yes
coupons-scope_all = Every course
coupons-scope_instructor = All courses of one instructor
coupons-scope_courses =
    { $n ->
        [one] { $n } course
       *[other] { $n } courses
    }
coupons-scope_categories =
    { $n ->
        [one] { $n } subject
       *[other] { $n } subjects
    }
coupons-pause = Pause
coupons-resume = Make it valid again
coupons-uses = How it was used
coupons-unused = No order has used it yet.
coupons-order = Order
coupons-reserved = Order under way
coupons-committed = Paid
coupons-released = Given back
coupons-faults = The coupon was not created.
coupons-create = Create the coupon
coupons-f_code = Code
coupons-f_code_help = 4 to 32 letters, digits and hyphens. It cannot be changed later.
coupons-f_kind = What it takes off
coupons-f_percent = A percentage
coupons-f_amount = An amount in euros
coupons-f_worth = How much
coupons-f_worth_help = Such as 15 or 12.5.
coupons-f_scope = What it is valid for
coupons-f_courses = Some courses
coupons-f_category = One subject
coupons-f_instructor = The courses of one instructor
coupons-f_ids = Numbers of the courses
coupons-f_ids_help = One per line, at most 100.
coupons-f_instructor_id = User number of the instructor
coupons-f_choose = Choose a subject
coupons-f_starts = Valid from (optional)
coupons-f_starts_help = From the start of this day, UTC.
coupons-f_ends = Valid until (optional)
coupons-f_ends_help = To the end of this day, UTC.
coupons-f_max = Uses in all (optional)
coupons-f_max_help = Empty for any number.
coupons-f_per_user = Uses per buyer
coupons-f_min = Least subtotal in euros (optional)
coupons-f_first = Only for the first order of a buyer
coupons-wrong_code = A code has 4 to 32 letters, digits and hyphens.
coupons-code_taken = This code is taken. Think of another one.
coupons-wrong_worth = Write a percentage from 0.01 to 100, or an amount.
coupons-wrong_courses = Write the number of at least one course, one per line.
coupons-wrong_category = Choose a subject.
coupons-wrong_instructor = Write the user number of an instructor.
coupons-wrong_day = Write the day as year, month and day, such as 2026-12-01.
coupons-wrong_end = The last day is before the first, or is not a day.
coupons-wrong_number = Write a number from 1.
coupons-wrong_amount = Write an amount such as 20 or 20.00.
coupons-refused = It was refused. Check every field, then try again.
coupons-sent_otherwise = This form was sent with other values before. Look at the list of coupons, then send it again.
coupons-unanswered = We do not know yet whether this was done. Send it once more as it is: it is created only once.
coupons-done_created = The coupon is created.
coupons-done_created_next = It can be used from its first day on.
coupons-done_paused = The coupon is paused.
coupons-done_paused_next = New orders cannot use it. Orders that hold it keep it.
coupons-done_resumed = The coupon is valid again.
coupons-done_resumed_next = Orders can use it at once.
coupons-done_stale = The coupon was changed in the meantime. Nothing was done.
coupons-done_stale_next = Below you see how it is now.

## certificate

certificate-title = Certificate
certificate-of = Certificate of completion
certificate-for = This certifies that
certificate-has =
    { $n ->
        [one] has completed the { $n } lesson of the course
       *[other] has completed all { $n } lessons of the course
    }
certificate-date = Completed on { $day }
certificate-number = Certificate number { $number }
certificate-print = To print it, use your browser’s print command.
certificate-back = Back to the course
certificate-see = See your certificate
certificate-not_yet = Your certificate is here as soon as every lesson is done.
certificate-not_yet_next = { $done } of { $all } lessons are done.

## design

design-title = Design
design-promise = Every component in every state that a page uses so far. Switch the appearance at the foot of the page.
design-colours = Colours
design-type = Type
design-headline = A headline in the shop’s own voice
design-running = Running text is set in the system’s sans serif, 17 px with a line height of 1.5, at most 70 characters wide. Money and times use tabular figures.
design-small = Small text: facts, captions and help.
design-link = A link in running text
design-buttons = Buttons
design-primary = Primary
design-quiet = Quiet
design-danger = Danger
design-busy = Working…
design-disabled = Disabled
design-fields = Fields
design-field = Title
design-field_help = At most 120 characters.
design-field_error = Write at least 2 characters.
design-choice = Places
design-choice_a = Unlimited
design-choice_b = Limited
design-select = Level
design-secret = Password
design-sheet = Sheet: sign-in, consent, questions
design-lines = Facts and lines
design-badges = Badges, chips and avatar
design-notices = Notices
design-notice_info = The checkout is not open yet.
design-notice_success = Your course is public.
design-notice_warning = Your draft has no price.
design-notice_danger = Your change was not saved.
design-notice_next = Each notice says what happened, then what to do next.
design-price = Price
design-bill = Sums, notes and small actions
design-cards = Cards and covers
design-card_long = A title so long that it needs more than the two lines which a card has for it, and is cut
design-accordion = Accordion
design-crumbs = Breadcrumb and pages
design-steps = Steps and progress
design-tabs = Tabs, figures and timeline
design-empty = Empty state
design-icons = Icons
