//! Every label, and every value that it can have. A set that takes text of others ends in `Other`.

use crate::label::labels;

labels! {
    /// A role of the process, or the service whose guard or database it is. Services of others are `other`.
    Role("role") {
        Identity = "identity",
        Gateway = "gateway",
        Storefront = "storefront",
        Admin = "admin",
        Catalog = "catalog",
        Basket = "basket",
        Discount = "discount",
        Inventory = "inventory",
        Payment = "payment",
        Order = "order",
        Billing = "billing",
        Events = "events",
        Photo = "photo",
        Other = "other",
    }

    /// The class of a path; `routes.rs` decides.
    RouteClass("route") {
        Authorize = "authorize",
        Token = "token",
        Introspect = "introspect",
        Revoke = "revoke",
        Userinfo = "userinfo",
        Metadata = "metadata",
        Feed = "feed",
        SignIn = "sign_in",
        Account = "account",
        Api = "api",
        Page = "page",
        Probe = "probe",
        Other = "other",
    }

    /// Whether a request reads, writes, or uses another method than these.
    MethodClass("method") {
        Read = "read",
        Write = "write",
        Other = "other",
    }

    /// The class of a status.
    StatusClass("status") {
        Informational = "1xx",
        Success = "2xx",
        Redirection = "3xx",
        ClientError = "4xx",
        ServerError = "5xx",
    }

    /// What is called.
    Destination("destination") {
        Logout = "back_channel_logout",
        Upstream = "upstream",
        Service = "service",
        Edge = "edge",
    }

    /// How a call ended.
    Outcome("outcome") {
        Success = "2xx",
        Redirection = "3xx",
        ClientError = "4xx",
        ServerError = "5xx",
        Failed = "failed",
    }

    /// How an attempt of the edge at an upstream ended.
    Attempt("outcome") {
        Answered = "answered",
        Unreachable = "unreachable",
        TooSlow = "too_slow",
        BrokeOff = "broke_off",
        Other = "other",
    }

    /// What became of a look at new files of a certificate, or of an order of the ACME directory.
    Reload("outcome") {
        Replaced = "replaced",
        Refused = "refused",
    }

    /// What was limited.
    Limit("limit") {
        EdgeRead = "edge_read",
        EdgeSearch = "edge_search",
        EdgeRouteAddress = "edge_route_address",
        EdgeRouteCaller = "edge_route_caller",
        SignIn = "sign_in",
        Account = "account",
        SecondStep = "second_step",
        Passkey = "passkey",
        ClientSecret = "client_secret",
        Mailbox = "mailbox",
        Mail = "mail",
        SignInCode = "sign_in_code",
        NoticeEmail = "notice_email",
        EmailChange = "email_change",
        Recovery = "recovery",
        Registration = "registration",
        Other = "other",
    }

    /// Whose page it was.
    Site("site") {
        Identity = "identity",
        Storefront = "storefront",
        Other = "other",
    }

    /// A grant of the token endpoint.
    Grant("grant") {
        AuthorizationCode = "authorization_code",
        RefreshToken = "refresh_token",
        ClientCredentials = "client_credentials",
        TokenExchange = "token_exchange",
        Other = "other",
    }

    /// An error code of OAuth.
    ErrorCode("code") {
        AccessDenied = "access_denied",
        ConsentRequired = "consent_required",
        InsufficientScope = "insufficient_scope",
        InteractionRequired = "interaction_required",
        InvalidClient = "invalid_client",
        InvalidGrant = "invalid_grant",
        InvalidRequest = "invalid_request",
        InvalidScope = "invalid_scope",
        InvalidTarget = "invalid_target",
        InvalidToken = "invalid_token",
        LoginRequired = "login_required",
        ServerError = "server_error",
        TemporarilyUnavailable = "temporarily_unavailable",
        UnauthorizedClient = "unauthorized_client",
        UnsupportedGrantType = "unsupported_grant_type",
        Other = "other",
    }

    /// What became of a refresh token.
    Refresh("outcome") {
        Rotated = "rotated",
        Used = "used",
        Repeated = "repeated",
        LostAnswer = "lost_answer",
        Reused = "reused",
        Ended = "ended",
        Conflict = "conflict",
        Refused = "refused",
    }

    /// Why something ended.
    Cause("reason") {
        Logout = "logout",
        SignedOutThere = "signed_out_there",
        Replaced = "replaced",
        Ended = "ended",
        Admin = "admin",
        PasswordReset = "password_reset",
        PasswordChanged = "password_changed",
        AccountRecovered = "account_recovered",
        AdminReset = "admin_reset",
        EmailChanged = "email_changed",
        EmailUndone = "email_undone",
        FactorRemoved = "factor_removed",
        UpstreamUnlinked = "upstream_unlinked",
        UpstreamSignedOut = "upstream_signed_out",
        UserDisabled = "user_disabled",
        UserLocked = "user_locked",
        UserDeleted = "user_deleted",
        DeletionRequested = "deletion_requested",
        ConsentWithdrawn = "consent_withdrawn",
        ClientDisabled = "client_disabled",
        ClientRemoved = "client_removed",
        ClientTokensRevoked = "client_tokens_revoked",
        RevokedByClient = "revoked_by_client",
        TokensRevoked = "tokens_revoked",
        FamilyLimit = "family_limit",
        RefreshReuse = "refresh_reuse",
        CodeReuse = "code_reuse",
        StoreRewound = "store_rewound",
        OverlapStreak = "overlap_streak",
        KeyCompromised = "key_compromised",
        AskedAgain = "asked_again",
        Other = "other",
    }

    /// What was revoked.
    Revoked("kind") {
        Token = "token",
        Family = "family",
        Session = "session",
        Subject = "subject",
        Client = "client",
        Machine = "machine",
        Key = "key",
        Other = "other",
    }

    /// How somebody signs in.
    Method("method") {
        Password = "password",
        Passkey = "passkey",
        PasskeyUnverified = "passkey_unverified",
        Totp = "totp",
        RecoveryCode = "recovery_code",
        EmailCode = "email_code",
        SecondStep = "second_step",
        Upstream = "upstream",
        Other = "other",
    }

    /// How a step of a sign-in ended.
    SignIn("outcome") {
        SignedIn = "signed_in",
        Failed = "failed",
        Refused = "refused",
        Other = "other",
    }

    /// What became of a sign-in at another provider.
    Upstream("outcome") {
        Begun = "begun",
        Proved = "proved",
        Unreachable = "unreachable",
        Status = "status",
        Unreadable = "unreadable",
        OtherIssuer = "other_issuer",
        OtherProvider = "other_provider",
        MixUp = "mix_up",
        ProviderError = "provider_error",
        Signature = "signature",
        Token = "token",
        Secret = "secret",
        Other = "other",
    }

    /// A step of a recovery.
    Recovery("step") {
        Asked = "asked",
        Finished = "finished",
    }

    /// Whether the browser has signed this person in before.
    Class("class") {
        Known = "known",
        Unknown = "unknown",
    }

    /// What became of a logout token.
    Delivery("outcome") {
        Delivered = "delivered",
        Refused = "refused",
        Failed = "failed",
        GivenUp = "given_up",
        Other = "other",
    }

    /// Where a mail is on its way.
    Mail("state") {
        Queued = "queued",
        Sent = "sent",
        Dead = "dead",
        Expired = "expired",
        Kept = "kept",
        Other = "other",
    }

    /// A table whose age is watched.
    Table("table") {
        Audit = "audit",
        Mail = "mail",
        OneTimeProofs = "one_time_proofs",
        Registrations = "registrations",
        Recoveries = "recoveries",
        Exports = "exports",
        Users = "users",
        Other = "other",
    }

    /// What connections do.
    Connections("state") {
        Used = "used",
        Idle = "idle",
    }

    /// A consumer group of the event bus.
    Group("group") {
        BasketCourses = "basket.courses",
        BasketStock = "basket.stock",
        BasketOrders = "basket.orders",
        BasketUsers = "basket.users",
        BillingOrders = "billing.orders",
        BillingPayments = "billing.payments",
        BillingWallets = "billing.wallets",
        BillingUsers = "billing.users",
        Catalog = "catalog",
        CatalogPhotos = "catalog.photos",
        CatalogStock = "catalog.stock",
        DiscountCommands = "discount.commands",
        DiscountCourses = "discount.courses",
        DiscountOrders = "discount.orders",
        DiscountUsers = "discount.users",
        InventoryCommands = "inventory.commands",
        InventoryCourses = "inventory.courses",
        InventoryUsers = "inventory.users",
        OrderReplies = "order.replies",
        OrderCourses = "order.courses",
        OrderItems = "order.items",
        OrderUsers = "order.users",
        PaymentCommands = "payment.commands",
        PaymentUsers = "payment.users",
        PhotoCourses = "photo.courses",
        Other = "other",
    }

    /// What a guard decided.
    Verdict("verdict") {
        Admitted = "admitted",
        Anonymous = "anonymous",
        Unauthenticated = "unauthenticated",
        InvalidRequest = "invalid_request",
        InvalidToken = "invalid_token",
        TemporarilyUnavailable = "temporarily_unavailable",
        ServerError = "server_error",
    }

    /// How current the revocations of a guard are.
    FeedState("state") {
        None = "none",
        Never = "never",
        Live = "live",
        Grace = "grace",
        Lost = "lost",
    }

    /// A state in which an order waits for an answer.
    OrderState("state") {
        Submitted = "submitted",
        Reserved = "reserved",
        ActionRequired = "action_required",
        Capturing = "capturing",
        Paid = "paid",
        Compensating = "compensating",
        Refunding = "refunding",
        Other = "other",
    }

    /// Why an order failed.
    OrderReason("reason") {
        SoldOut = "sold_out",
        AlreadyOwned = "already_owned",
        AlreadyPending = "already_pending",
        NotForSale = "not_for_sale",
        UnknownItem = "unknown_item",
        ReservationCancelled = "reservation_cancelled",
        ReservationTimeout = "reservation_timeout",
        CouponExpired = "coupon_expired",
        CouponLimit = "coupon_limit",
        CouponNotEligible = "coupon_not_eligible",
        CouponMinSubtotal = "coupon_min_subtotal",
        CouponUnknown = "coupon_unknown",
        CouponCancelled = "coupon_cancelled",
        CouponChanged = "coupon_changed",
        InsufficientCredits = "insufficient_credits",
        CardDeclined = "card_declined",
        InsufficientFunds = "insufficient_funds",
        ExpiredCard = "expired_card",
        BadCvc = "bad_cvc",
        UnknownCard = "unknown_card",
        ActionDenied = "action_denied",
        PaymentAbandoned = "payment_abandoned",
        PaymentCancelled = "payment_cancelled",
        ProcessorError = "processor_error",
        PaymentTimeout = "payment_timeout",
        AmountMismatch = "amount_mismatch",
        CaptureFailed = "capture_failed",
        CancelledByBuyer = "cancelled_by_buyer",
        RefundFailed = "refund_failed",
        Other = "other",
    }

    /// What happened to an order.
    OrderInput("cause") {
        InventoryReserved = "inventory.reserved",
        InventoryRefused = "inventory.refused",
        InventoryGranted = "inventory.granted",
        InventoryReleased = "inventory.released",
        InventoryRevoked = "inventory.revoked",
        InventoryStale = "inventory.stale",
        DiscountReserved = "discount.reserved",
        DiscountRefused = "discount.refused",
        DiscountCommitted = "discount.committed",
        DiscountReleased = "discount.released",
        PaymentAuthorized = "payment.authorized",
        PaymentActionRequired = "payment.action-required",
        PaymentDeclined = "payment.declined",
        PaymentCaptured = "payment.captured",
        PaymentCaptureFailed = "payment.capture-failed",
        PaymentVoided = "payment.voided",
        PaymentRefunded = "payment.refunded",
        PaymentRefundFailed = "payment.refund-failed",
        TimerResend = "timer.resend",
        TimerDeadline = "timer.deadline",
        TimerQuery = "timer.query",
        TimerAlert = "timer.alert",
        BuyerCancel = "buyer.cancel",
        RefundApproved = "refund.approved",
        AdminRetry = "admin.retry",
        AdminResolve = "admin.resolve",
        Other = "other",
    }

    /// A kind of entry in the books.
    Entry("kind") {
        Sale = "sale",
        Refund = "refund",
        Fee = "fee",
        TopUp = "top_up",
        Grant = "grant",
        WriteOff = "write_off",
        Other = "other",
    }

    /// A comparison of the books.
    Check("check") {
        Wallets = "wallets",
        Sales = "sales",
        Captures = "captures",
        Refunds = "refunds",
        TrialBalance = "trial_balance",
        Other = "other",
    }

    /// The version of the program.
    Version("version") {
        Current = env!("CARGO_PKG_VERSION"),
    }
}

impl MethodClass {
    /// The class of a method; case matters (RFC 9110 §9.1).
    pub fn of_method(method: &str) -> Self {
        match method {
            "GET" | "HEAD" | "OPTIONS" => Self::Read,
            "POST" | "PUT" | "PATCH" | "DELETE" => Self::Write,
            _ => Self::Other,
        }
    }
}

impl StatusClass {
    /// The class of a status.
    pub fn of_status(status: u16) -> Self {
        match status / 100 {
            1 => Self::Informational,
            2 => Self::Success,
            3 => Self::Redirection,
            4 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

impl Outcome {
    /// The class of the status that a call was answered with, or `None` if it was not.
    pub fn of_status(status: Option<u16>) -> Self {
        match status.map(|status| status / 100) {
            Some(1 | 2) => Self::Success,
            Some(3) => Self::Redirection,
            Some(4) => Self::ClientError,
            Some(_) => Self::ServerError,
            None => Self::Failed,
        }
    }
}
