### What the issuer's pages say. Labels are part of the contract of docs/pages.md.
### The message that the code calls `section.name` is `section-name` here.

## id

id-name = Latchkey
id-footer = Bulunduğunuz adres:
id-support = Yardım
id-reveal = Parolayı göster

## login

login-title = Oturum açın
login-to = { $client } uygulamasına devam etmek için
login-to_account = hesabınızı görmek için
login-username = Kullanıcı adı veya e-posta adresi
login-password = Parola
login-do = Oturum aç
login-cancel = Vazgeç
login-register = Hesap oluşturun
login-again = Siz olduğunuzu doğrulayın. Vazgeçerseniz oturumunuz açık kalır.

login-keep = Bu cihazda oturumum açık kalsın

# The page of mailed codes.
login-code_title = Postalanan kodla oturum açın
login-code_lede = Hesabınızın adresine bir kod göndeririz.
login-code_sent = Kodla açılabilen bir hesap varsa bir e-posta yolda. İçindeki kodu buraya yazın.
login-code_help = Altı rakam; bu tarayıcıda on dakika geçerlidir. Gelmezse istenmeyen posta klasörüne bakın.
login-code_do = Kodu gönder
login-by_code = Postalanan kodla oturum aç
login-other_ways = Başka bir yol kullan

## confirm

confirm-title = Siz olduğunuzu doğrulayın
confirm-lede = { $name } olarak oturum açtınız. Vazgeçerseniz oturumunuz açık kalır.
confirm-do = Doğrula
confirm-passkey = Geçiş anahtarıyla doğrula

## second

second-title = İkinci adım
second-lede = Doğrulama uygulamanızın şu anda gösterdiği kodu yazın.
second-lede_recovery = Sakladığınız kurtarma kodlarından birini yazın. Her kod bir kez geçer.
second-code = Kod
second-recovery_code = Kurtarma kodu
second-remember = Bu cihazda 30 gün boyunca bu adımı atla
second-do = Doğrula
second-other_ways = Kurtarma kodu kullanın
second-with_app = Doğrulama uygulamanızı kullanın
second-with_passkey = Geçiş anahtarı kullanın

## totp

totp-title = İkinci adım kurun
totp-lede = Bunu bir doğrulama uygulamasıyla tarayın, sonra uygulamanın gösterdiği kodu yazın.
totp-qr = Doğrulama uygulamanız için gizli anahtarı içeren QR kodu
totp-by_hand = Tarayamıyorsanız bu gizli anahtarı uygulamaya yazın:
totp-open = Bu cihazdaki bir uygulamada açın
totp-code = Kod
totp-name = Uygulamanın veya cihazın adı (isteğe bağlı)
totp-do = Etkinleştir
totp-later = Daha sonra
totp-needed = Bunun için ikinci adım gerekiyor. Devam etmek için bir tane kurun.
totp-needed_by = { $date } tarihinden itibaren bunun için ikinci adım gerekecek. Şimdi veya daha sonra bir tane kurun.

## codes

codes-title = Kurtarma kodları
codes-lede = Bu kodların her biri bir kez ikinci adımın yerine geçer. Onları yazdırın veya yalnızca sizin bulabileceğiniz bir yerde saklayın.
codes-once = Yalnızca şimdi gösterilirler. Daha önceki kodlarınız artık geçmez.
codes-saved = Kodları sakladım
codes-left =
    { $n ->
        [one] Kullanılmamış bir kurtarma kodunuz var.
       *[other] Kullanılmamış { $n } kurtarma kodunuz var.
    }
codes-none = Kurtarma kodunuz yok.
codes-renew_help = Yeni kodlar, elinizdekilerin tümünün yerini alır. Eskileri hemen geçersiz olur.
codes-renew = Yeni kodlar oluştur

## error

error-code_wrong = Kod doğru değil. Kontrol edin veya yeni bir kod isteyin.
error-code_expired = Kodun süresi doldu. Yeni bir kod isteyin.
error-second_closed = Parolanızdan sonra çok fazla yanlış kod yazıldı. Daha önce kullandığınız bir tarayıcıyla oturum açın veya yeni bir parola belirleyin.
error-factor_needed = Bunun için ikinci adım gerekiyor. Devam etmek için bir tane kurun.
error-wrong_credentials = Kullanıcı adı veya parola yanlış. İkisini de kontrol edip yeniden deneyin.
error-too_many_next = { $seconds } saniye bekleyip yeniden deneyin.
error-busy = Şu anda çok sayıda kişi oturum açıyor. { $seconds } saniye bekleyip yeniden deneyin.
error-account_disabled = Bu hesap kullanılamıyor. Bu sitenin yöneticisine başvurun.
error-passkey_unknown = Bu geçiş anahtarı artık burada bilinmiyor. Başka bir yol deneyin.
error-passkey_failed = Geçiş anahtarı yanıt vermedi. Yeniden deneyin veya başka bir yol kullanın.
error-passkey_refused = Bu geçiş anahtarı eklenemiyor. Başka bir tane oluşturun.
error-passkey_held = Bu cihazda bu hesap için zaten bir geçiş anahtarı var.
error-passkey_name = Geçiş anahtarına harflerden veya rakamlardan oluşan bir ad verin.
error-last_way = Bu, oturum açmanızın tek yolu. Önce başka bir yol ekleyin.
error-account_exists = Burada bir hesabınız var. Önce bu hesapla oturum açın, sonra { $provider } hesabını bağlayın.
error-provider_taken = Bu { $provider } hesabı burada başka birine bağlı. Orada başka bir hesapla oturum açın.
error-provider_connected = Bir { $provider } hesabı zaten bağlı. Başka birini bağlamadan önce onu kaldırın.
error-provider_session = Hiçbir hesap bağlanmadı: bu işlem daha önce kullanıldı, çok uzun sürdü veya başka bir oturumda başladı. Bağlı hesaplar sayfasından yeniden başlayın.
error-provider_domain = Bu adrese sahip kişiler { $provider } ile oturum açar. Onun düğmesini kullanın.
error-missing = Kullanıcı adınızı ve parolanızı girin.
error-address = Bu bir e-posta adresi değil. Kontrol edip yeniden deneyin.
error-domain = Bu alan adındaki adreslerle burada hesap oluşturulamaz.
error-too_fast = Adresi kontrol edin ve düğmeye bir kez daha basın.
error-registration_closed = Burada yeni hesaplar davetle açılır.
error-invitation = Bu davet kullanıldı veya süresi doldu. Daveti gönderen kişiye sorun.
error-terms_needed = Devam etmek için koşulları okuyup kabul edin.
error-link_used = Bu bağlantı kullanıldı veya süresi doldu. Yeni bir bağlantı isteyin.
error-link_elsewhere = Bu işlem başka bir tarayıcıda başlatıldı. E-postadaki kodu orada yazın veya burada baştan başlayın.
error-mail_limit =
    { $n ->
        [one] Birkaç e-posta yolda. Bir dakika bekleyin ve istenmeyen posta klasörüne bakın.
       *[other] Birkaç e-posta yolda. { $n } dakika bekleyin ve istenmeyen posta klasörüne bakın.
    }
error-name_form = Harf, rakam, nokta, kısa çizgi veya alt çizgi kullanın.
error-name_taken = Bu kullanıcı adı alınmış. Başka bir ad seçin.
error-password_short = En az { $n } karakter kullanın. Birkaç kelime iyi iş görür.
error-password_long = Bu parola çok uzun.
error-password_personal = İçinde adınız, adresiniz veya bu sitenin adı var. Başka bir parola seçin.
error-password_common = Saldırganlar ilk bunu dener. Başka bir parola seçin.
error-account_mailed = Bu adrese yazdık. Nasıl devam edeceğiniz e-postada yazıyor.
error-password_weak = Bu parola zayıf. Yine de kullanabilirsiniz: bir kez daha girin. Daha iyisi, kimsenin yan yana getirmeyeceği birkaç kelimedir.
error-approval_wait = Hesabınız onay bekliyor. Size yazacağız.
error-profile_text = Bu metin çok uzun veya görünmeyen karakterler içeriyor. Daha yalın yazın.
error-profile_birthdate = Tarihi yıl-ay-gün olarak yazın, örneğin 1990-05-17.
error-profile_website = https:// veya http:// ile başlayan bir adres yazın.
error-profile_phone = Numarayı artı işareti ve ülke koduyla yazın.
error-profile_locale = Bu dil burada bilinmiyor. Listeden birini seçin.
error-profile_zoneinfo = Bu saat dilimi burada bilinmiyor. Listeden birini seçin.
error-profile_changed = Profiliniz bu arada başka bir yerde değiştirildi. Şimdiki hâli budur: değişikliğinizi yeniden yapın.
error-picture_large = Bu dosya 2 MiB boyutundan büyük. Daha küçük bir dosya seçin.
error-picture_kind = Bu bir JPEG, PNG veya WebP resmi değil. Başka bir dosya seçin.
error-picture_pixels = Bu resimde çok fazla piksel var. Daha küçük bir resim seçin.
error-picture_moving = Bu resim hareketli. Hareketsiz bir resim seçin.
error-picture_damaged = Bu resim bozuk. Başka bir resim seçin.
error-picture_missing = Önce bir dosya seçin.
error-picture_busy = Şu anda çok sayıda resim işleniyor. Birazdan yeniden deneyin.
error-title = Bu işlem olmadı
error-back = Hesabınıza gidin
error-to_application = { $client } uygulamasına dönün
error-application = Uygulama: { $client }.
error-again = Yeniden dene
error-trace = Yardım isterseniz şu kodu belirtin:

## sorry

sorry-malformed = İstek okunamıyor.
sorry-unknown_client = Sizi buraya gönderen uygulama kayıtlı değil. Geri dönüp yeniden deneyin. Yine olursa o uygulamayı sunanlara başvurun.
sorry-redirect_uri = Uygulama sizi kendisi için kayıtlı olmayan bir adrese göndermek istedi. Geri dönüp yeniden deneyin. Yine olursa o uygulamayı sunanlara başvurun.
sorry-logout_uri = Uygulama, oturumunuz kapandıktan sonra sizi kendisi için kayıtlı olmayan bir adrese göndermek istedi. Geri dönüp yeniden deneyin. Yine olursa o uygulamayı sunanlara başvurun.
sorry-id_token_hint = Uygulama, hangi kullanıcının oturumunu kapatmak istediğini kanıtlamadı.
sorry-expired = Bu oturum açma işlemi zaten tamamlandı veya çok uzun sürdü. Uygulamaya dönüp baştan başlayın.
sorry-other_browser = Bu oturum açma işlemi başka bir tarayıcıda başlatıldı. Bu tarayıcıda baştan başlayın.
sorry-foreign_form = Bu form bizim sayfalarımızdan gönderilmedi. Geri dönün, sayfayı yenileyip formu yeniden gönderin.
sorry-too_many = Çok fazla deneme yapıldı. Biraz bekleyip yeniden deneyin.
sorry-busy = Şu anda çok sayıda kişi oturum açıyor. Bu sayfa birazdan kendiliğinden yeniden deneyecek.
sorry-provider_failed = { $provider } kim olduğunuzu doğrulamadı.
sorry-provider_off = { $provider } ile oturum açma kapalı.
sorry-not_found = Bu adreste bir sayfa yok.
sorry-unavailable = Hizmete şu anda ulaşılamıyor. Biraz sonra yeniden deneyin.
sorry-internal = Bizim tarafımızda bir hata oluştu. Hata kaydedildi.

## passkeys

passkeys-title = Geçiş anahtarlarınız
passkeys-lede = Geçiş anahtarıyla yüzünüzü, parmağınızı veya PIN kodunuzu kullanarak oturum açarsınız. Yalnızca bu sitede çalışır; bu yüzden kimse onu sizden kandırarak alamaz.
passkeys-back = Hesabınız
passkeys-list = Geçiş anahtarları
passkeys-none = Henüz geçiş anahtarınız yok.
passkeys-unnamed = Geçiş anahtarı
passkeys-synced = Eşitlenmiş
passkeys-suspended = Askıya alındı: kopyalanmış olabilir
passkeys-made = oluşturulma:
passkeys-used = son kullanım:
passkeys-unused = hiç kullanılmadı
passkeys-name = Ad
passkeys-rename = Yeniden adlandır
passkeys-remove = Kaldır
passkeys-add = Geçiş anahtarı oluştur
passkeys-instead = Bunun yerine geçiş anahtarı oluştur
passkeys-full = Bir hesapta olabilecek kadar geçiş anahtarınız var. Yenisini eklemek için birini kaldırın.
passkeys-without = Geçiş anahtarları için onları destekleyen ve betiklere izin veren bir tarayıcı gerekir.
passkeys-sign_in = Geçiş anahtarıyla oturum aç
passkeys-offer_title = Geçiş anahtarı oluşturun
passkeys-offer = Bir dahaki sefere parolanız yerine yüzünüzle, parmağınızla veya PIN kodunuzla oturum açabilirsiniz.
passkeys-not_now = Şimdi değil
passkeys-done_added = Geçiş anahtarı eklendi.
passkeys-done_renamed = Geçiş anahtarının adı değişti.
passkeys-done_removed = Geçiş anahtarı kaldırıldı. Cihazınızdan da silin.

## consent

consent-title = Erişime izin verin
consent-asks = { $client } hesabınıza erişmek istiyor.
consent-signed_in = Oturum açan kişi: { $name }
consent-not_you = Siz değil misiniz?
consent-leads = Ardından şu adrese yönlendirileceksiniz: { $place }.
consent-account = { $host } adresindeki hesabınız
consent-not = Parolanızı hiçbir zaman görmez ve burada yazmayan hiçbir şeyi yapamaz.
consent-back = Bu izni istediğiniz zaman hesabınızdan geri alabilirsiniz.
consent-unproven = Bu cihazdaki herhangi bir program kendini bu uygulama gibi gösterebilir; bu yüzden size her seferinde sorulur.
consent-grew = Daha önce izin verdiğinizden fazlasını istiyor. Yeni olanlar işaretli.
consent-new = Yeni
consent-allow = İzin ver
consent-deny = Reddet

## scope

scope-openid = Kim olduğunuzu bilmek
scope-profile = Adınızı ve profilinizi görmek
scope-email = E-posta adresinizi görmek
scope-address = Posta adresinizi görmek
scope-phone = Telefon numaranızı görmek
scope-groups = Bulunduğunuz grupları görmek
scope-offline_access = Siz geri alana kadar, siz yokken de sizin adınıza işlem yapmak
scope-other = { $resource } için { $scope }
scope-other_one = { $scope }

## resource

# What our own services declare, by the words of their contracts.
resource-catalog = Mağazanın kursları
resource-basket = Sepetiniz
resource-discount = Kuponlar
resource-order = Siparişleriniz
resource-payment = Cüzdanınız ve ödemeleriniz
resource-inventory = Kitaplığınız
resource-photo = Kurs fotoğrafları
resource-billing = Faturalarınız

## declared

declared-catalog_read = Mağazanın kurslarını görmek
declared-catalog_write = Mağazada kendi kurslarınızı oluşturmak ve değiştirmek
declared-catalog_review = Mağazada sizin adınıza değerlendirme yazmak
declared-catalog_admin = Mağazanın kategorilerini ve herkesin kurslarını değiştirmek
declared-basket = Sepetinizi görmek ve değiştirmek
declared-basket_guest = Ziyaretçilerin sepetlerini saklamak
declared-discount_redeem = Kupon kullanmak
declared-discount_write = Kurslarınız için kupon oluşturmak ve değiştirmek
declared-discount_admin = Mağazanın bütün kuponlarını değiştirmek
declared-order_read = Siparişlerinizi görmek
declared-order_write = Sizin adınıza sipariş vermek ve siparişlerinizi iptal etmek
declared-order_admin = Herkesin siparişlerini görmek ve düzeltmek
declared-payment_read = Cüzdanınızı ve ödemelerinizi görmek
declared-payment_write = Kart kaydetmek, cüzdanınıza para yüklemek ve ödemeleri onaylamak
declared-payment_admin = Kredi vermek ve herkesin ödemelerini görmek
declared-inventory_read = Sahip olduğunuz kursları görmek
declared-inventory_write = İlerlemenizi kaydetmek ve size ait olanları kullanmak
declared-inventory_stock = Kurslarınızda kaç yer olduğunu belirlemek
declared-inventory_admin = Kurs vermek ve herkesin kurslarındaki yerleri değiştirmek
declared-photo_write = Mağazada kurslarınızın fotoğraflarını eklemek ve silmek
declared-photo_admin = Mağazada herkesin fotoğraflarını silmek
declared-billing_read = Faturalarınızı ve satışlarınızı görmek
declared-billing_admin = Mağazanın defterlerini ve herkesin faturalarını görmek

## logout

logout-title = Oturumu kapatın
logout-ask = Oturumu kapatmak istiyor musunuz? Bu tarayıcıdan oturum açtığınız uygulamaların oturumları da kapanır.
logout-do = Oturumu kapat
logout-stay = Oturum açık kalsın
logout-done_title = Oturumunuz kapandı
logout-done = Bu pencereyi kapatabilirsiniz.
logout-unregistered = Uygulama sizi kendisi için kayıtlı olmayan bir adrese göndermek istedi; bu yüzden oraya gönderilmediniz. O uygulamayı sunanlara başvurun.
logout-in_again = Yeniden oturum açın

## post

post-title = Bir saniye
post-next = Uygulamaya geri gönderiliyorsunuz. Bir şey olmazsa Devam düğmesine basın.
post-do = Devam

## account

account-title = Hesabınız
account-hello = Oturum açan kişi: { $name }
account-email = E-posta adresi
account-username = Kullanıcı adı
account-roles = Roller
account-sessions = Oturumunuzun açık olduğu tarayıcılar
account-sessions_help = Tanımadıklarınızın oturumunu kapatın. O tarayıcıyla oturum açtığınız uygulamaların oturumları da kapanır.
account-this = Bu tarayıcı
account-session_since = Oturum açılışı:
account-since = oturum açılışı:
account-seen = son kullanım:
account-end = Oradaki oturumu kapat
account-applications = Uygulamaların yapabildikleri
account-applications_help = Verdiğiniz izinler, oturumu kapattıktan sonra da siz geri alana kadar geçerlidir. Geri aldığınızda o uygulamanın bütün oturumları da hemen sona erer.
account-applications_none = Hiçbir uygulamaya izin vermediniz.
account-allowed = İzin tarihi:
account-revoke = İzni geri al
account-families = Uygulamalarda açılan oturumlar
account-families_help = Bir uygulamada oturum açtığınız her sefer ve nasıl sona erdiği. Birini sonlandırmak, o uygulamanın yapabildiklerini değiştirmez.
account-families_none = Henüz hiçbir uygulamada oturum açmadınız.
account-alive = Açık
account-ended = Sona erdi
account-renewed =
    { $n ->
        [one] bir kez yenilendi
       *[other] { $n } kez yenilendi
    }
account-retries =
    { $n ->
        [one] kaybolan bir yanıt yeniden gönderildi
       *[other] kaybolan { $n } yanıt yeniden gönderildi
    }
account-history = Oturum açma geçmişi
account-history_none = Henüz kimse oturum açmadı.
account-signed_in = Oturum açıldı
account-wrong_password = Yanlış parola
account-wrong_code = Yanlış kod
account-refused = Reddedildi
account-device_unknown = Bilinmeyen tarayıcı
account-passkeys = Geçiş anahtarları
account-passkeys_held = { $n } geçiş anahtarınız var.
account-passkeys_manage = Yönet
account-sign_out = Oturumu kapat
account-change_email = Değiştir
account-change_password = Değiştir
account-done_password = Parolanız değiştirildi.
account-done_email = Adresiniz değiştirildi.
account-done_session = O tarayıcıdaki oturum kapatıldı.
account-done_application = Uygulamanın artık erişimi yok.
account-older = Daha eskiler
account-newest = En yenilere dön
account-end_family = Oturumu sonlandır
account-done_family = O oturum sona erdi.
account-security = Güvenlik
account-second = İkinci adım
account-second_none = İkinci adım, biri parolanızı öğrense bile hesabınızın sizin kalmasını sağlar.
account-second_set_up = Kur
account-second_help = Parolanızdan sonra size bu uygulamalardan birinin kodu sorulur.
account-app_name = Doğrulama uygulaması
account-app_since = eklenme tarihi:
account-app_add = Doğrulama uygulaması ekle
account-app_remove = Kaldır
account-done_app = Doğrulama uygulaması kuruldu.
account-done_app_removed = Doğrulama uygulaması kaldırıldı.
account-codes = Kurtarma kodları
account-codes_low =
    { $n ->
        [one] Yalnızca bir kurtarma kodunuz kaldı. Yenilerini oluşturun.
       *[other] Yalnızca { $n } kurtarma kodunuz kaldı. Yenilerini oluşturun.
    }
account-devices = İkinci adımın sorulmadığı cihazlar
account-devices_help = Bu cihazlarda kod sorulmamasını istediniz.
account-device_until = son tarih:
account-device_forget = Orada yeniden sor
account-done_device = O cihazda yeniden kod sorulacak.
account-kept = Oturum açık kalıyor
account-sessions_list = Şu anda açık oturumlar
account-proved = Doğrulama:
account-proved_pwd = parola
account-proved_otp = uygulama kodu
account-proved_rc = kurtarma kodu
account-proved_pop = geçiş anahtarı
account-proved_email = e-posta kodu
account-proved_fed = başka bir sağlayıcı
account-end_others = Diğer her yerde oturumu kapat
account-end_others_too = Diğer cihazlarımdaki oturumları da kapat
account-done_others = Diğer her yerde oturumunuz kapatıldı.
account-applications_list = Erişimi olan uygulamalar
account-applications_held = { $n } uygulamanın erişimi var.
account-offline = Siz yokken de
account-at = Yer:
account-browsers = { $n } tarayıcıda oturumunuz açık.
account-more_than = Şundan fazla: { $n }
account-apps_held = { $n } doğrulama uygulaması kurulu.
account-apps = Doğrulama uygulamaları
account-second_lede = Parolanızdan sonra kodu sorulan uygulamalar.
account-codes_unused = İkinci adımınızı kaybettiğiniz gün içindir. Henüz ikinci adımınız yok.
account-codes_renew = Yenilerini oluştur
account-email_proved = doğrulandı
account-email_unproved = henüz doğrulanmadı
account-password_none = Parolanız yok: kimse onu tahmin edemez veya çalamaz.
account-password_since = Son değişiklik:
account-password_set = Bir parolanız var.
account-pages = Hesabınızla ilgili diğer sayfalar
account-to_profile = Profil
account-to_profile_help = Adınız, resminiz, diliniz ve uygulamaların bunlardan neleri okuyabildiği.
account-to_providers = Oturum açabileceğiniz diğer hesaplar
account-to_providers_help = Bağladığınız, başka sitelerdeki hesaplar.
account-to_export = Verileriniz
account-to_export_help = Hakkınızda saklanan her şey, bir dosya olarak.
account-to_delete = Hesabı sil
account-to_delete_help = Fikrinizi değiştirebileceğiniz birkaç günün ardından, kalıcı olarak.
account-history_help = Son 90 gündeki oturum açmalar ve hesap değişiklikleri.
account-history_list = Neler oldu
account-times = { $n } kez
account-state_good = Yolunda
account-state_advised = Bakmaya değer
account-state_due = Sizi bekliyor
account-state_unused = Kullanılmıyor

## cause

cause-logout = Oturumu kapattınız.
cause-signed_out_there = O tarayıcıdaki oturumu hesap sayfanızdan kapattınız.
cause-admin = Bir yönetici oturumu sonlandırdı.
cause-account_recovered = Hesabı kurtardınız.
cause-admin_reset = Bir yönetici hesap için kurtarma başlattı ve kurtarma tamamlandı.
cause-email_undone = Adres değişikliği geri alındı.
cause-password_changed = Parolanız değiştirildi.
cause-consent_withdrawn = Uygulamaya verdiğiniz izni geri aldınız.
cause-asked_again = Bu uygulamanın yapabileceklerini yeniden onaylamanız gerekiyor.
cause-ended = Bu oturumu siz sonlandırdınız.
cause-person_disabled = Hesap devre dışı bırakıldı.
cause-person_deleted = Hesap silindi.
cause-client_disabled = Uygulama devre dışı bırakıldı.
cause-replay = Eski bir anahtar ikinci kez kullanıldı. Biri onu kopyalamış olabileceği için bu oturumu sonlandırdık.
cause-code_replay = Bir oturum açma kodu ikinci kez kullanıldı. Biri onu kopyalamış olabileceği için bu oturumu sonlandırdık.
cause-store_rewound = Sunucu bir yedekten geri yüklendiği için bu oturum sona erdi.
cause-family_limit = Uygulama oturumunuzu o kadar sık açtı ki en eski oturumun sona ermesi gerekti.
cause-tokens_revoked = Uygulama o kadar çok anahtarını iptal etti ki bütün oturumlarının sona ermesi gerekti.
cause-overlap_streak = İki program bu oturumu aynı anda kullanıyor gibi göründüğü için onu sonlandırdık.
cause-revoked = Uygulama bu oturumu sonlandırdı; orada oturumu kapattığınızda da böyle olur.
cause-replaced = Bu tarayıcıda başka biri oturum açtı.
cause-idle = Uzun süre kullanılmadı.
cause-expired = Süresinin sonuna ulaştı.
cause-factor_removed = Bir geçiş anahtarını veya ikinci adımı kaldırdığınız için bu oturum sona erdi.
cause-upstream_unlinked = Oturum açtığınız bir hesabı kaldırdığınız için bu oturum sona erdi.
cause-upstream_signed_out = Oturum açmak için kullandığınız sağlayıcıda oturumu kapattınız.
cause-other = Bu oturum sonlandırıldı.
cause-password_reset = Bir yönetici başka bir parola belirledi.
cause-email_changed = Adresiniz değiştirildi.
cause-person_locked = Hesap kilitlendi.
cause-client_removed = Uygulama bu siteden kaldırıldı.
cause-client_tokens_revoked = Bu uygulamada herkesin oturumu kapatıldı.
cause-key_compromised = Bu sitenin bir imza anahtarının geri çekilmesi gerekti.

## why

why-title = Oturumum neden kapandı?
why-lede = Sona eren oturumlar ve nedenleri.
why-sessions = Tarayıcılar
why-sessions_none = Son zamanlarda burada sona eren oturum yok.
why-by = Kim tarafından:
why-by_you = Siz.
why-by_administrator = Bir yönetici.
why-by_application = Uygulama.
why-by_site = Kendi kurallarına göre bu site.
why-sign_in = Devam etmek isterseniz yeniden oturum açın.
why-if_not_you = Bunu siz yapmadıysanız parolanızı değiştirin, geçiş anahtarlarınıza ve ikinci adımınıza bakın.
why-watch = Nedenini bilmiyorsanız diğer her yerde oturumu kapatın ve parolanızı değiştirin.
why-ask_administrator = Beklemiyorduysanız bu siteyi yönetenlere sorun.
why-retried = kaybolan bir yanıtın yeniden gönderildiği yenileme: { $n }
why-reused = eski bir anahtarın geri geldiği yenileme: { $n }

## history

history-created = Hesap oluşturuldu.
history-imported = Hesap başka bir sistemden buraya taşındı.
history-disabled = Hesap devre dışı bırakıldı.
history-enabled = Hesap yeniden etkinleştirildi.
history-locked = Hesap kilitlendi.
history-unlocked = Hesabın kilidi açıldı.
history-all_ended = Bütün oturumlar sonlandırıldı.
history-passkey_added = Bir geçiş anahtarı eklendi.
history-passkey_removed = Bir geçiş anahtarı kaldırıldı.
history-passkey_renamed = Bir geçiş anahtarının adı değişti.
history-passkey_suspended = Bir geçiş anahtarı askıya alındı: kopyalanmış olabilir.
history-app_added = Bir doğrulama uygulaması eklendi.
history-app_removed = Bir doğrulama uygulaması kaldırıldı.
history-codes_renewed = Yeni kurtarma kodları oluşturuldu.
history-code_used = Bir kurtarma kodu kullanıldı.
history-second_closed = Çok sayıda yanlış kodun ardından, parolanızı değiştirene kadar bilinmeyen tarayıcılar reddedilir.
history-device_remembered = Bir cihazda artık ikinci adım sorulmuyor.
history-device_forgotten = Bir cihazda ikinci adım yeniden soruluyor.
history-password_changed = Parola değiştirildi.
history-password_reset = Başka bir parola belirlendi.
history-email_started = Adres değişikliği başlatıldı.
history-email_changed = Adres değiştirildi.
history-email_undone = Adres değişikliği geri alındı.
history-recovery_started = Hesap kurtarma başlatıldı.
history-recovery_delayed = Hesap kurtarma bekliyor.
history-recovery_stopped = Hesap kurtarma durduruldu.
history-recovery_finished = Hesap kurtarıldı.
history-consent_given = Bir uygulama erişim aldı.
history-consent_withdrawn = Bir uygulama erişimini kaybetti.
history-profile_changed = Profil değiştirildi.
history-export_made = Verilerin bir kopyası oluşturuldu.
history-export_fetched = Verilerin bir kopyası alındı.
history-deletion_requested = Hesabın silinmesi istendi.
history-deletion_kept = Hesabın kalmasına karar verildi.
history-other = Hesapta bir şey değişti: { $what }.

## register

register-title = Hesap oluşturun
register-lede = Önce e-posta adresinizi girin. Adresi doğrulamanız için size bir kod göndeririz.
register-email = E-posta adresi
register-email_help = Yalnızca size aittir: burada başka kimse görmez.
register-website = Bu alanı boş bırakın
register-terms = Koşulları kabul ediyorum
register-terms_read = Koşulları okuyun (sürüm { $version })
register-do = Kodu gönder
register-cancel = Vazgeç
register-signed_in = Şu adla oturum açtınız: { $name }.
register-stay = Bu hesapla devam et
register-another = Başka bir hesap oluştur
register-work_without = Bu sayfa, programları uzak tutmak için siz bir şey yapmadan bir saniye çalışır. Bunun için JavaScript gerekir: yoksa hesabınıza önce bir yönetici bakar.
register-check_title = E‑postalarınıza bakın
register-check_lede = Şu adrese yazdık: { $email }. Kodu buraya yazın veya e-postadaki bağlantıyı açın.
register-code = Kod
register-code_help = Altı rakam, 30 dakika geçerli. Gelmezse istenmeyen posta klasörüne bakın.
register-verify = Doğrula
register-resend = Yeni bir kod gönder
register-sent = Bir e-posta daha yolda. Önceki kodlar da geçerli kalır.
register-change_email = Başka bir adres kullan
register-link_title = Adresinizi doğrulayın
register-link_here = Böylece e-posta adresiniz doğrulanır ve hesap oluşturmaya devam edersiniz.
register-link_elsewhere = Bu işlem başka bir tarayıcıda başlatıldı. E-postadaki kodu orada yazabilir veya bu adresle burada devam edebilirsiniz.
register-link_confirm = Adresi doğrula
register-link_start = Burada devam et
register-invited = Hesap oluşturmaya davetlisiniz. Siz kabul edene kadar hiçbir şey olmaz.
register-invited_as = { $name } olarak oturum açtınız. Daveti bu hesapla kullanmak için kabul edin.
register-accept = Daveti kabul et
register-finish_title = Neredeyse bitti
register-finish_lede = Adresiniz doğrulandı: { $email }.
register-name = Ad
register-name_help = Başkalarının gördüğü ad. Boş bırakabilirsiniz.
register-username = Kullanıcı adı
register-username_help = Bununla veya adresinizle oturum açarsınız.
register-password = Parola
register-password_help = Birkaç kelime iyi iş görür.
register-finish = Hesabı oluştur
register-wait_title = Hesabınız onay bekliyor
register-wait = Burada her yeni hesaba bir yönetici bakar. Size yazacağız.
register-to_sign_in = Oturum açın

## terms

terms-title = Koşullar değişti
terms-lede = Devam etmek için okuyup kabul edin. Reddederseniz oturumunuz kapatılır.
terms-until = Bunu daha sonra da yapabilirsiniz. Son gün: { $date }.
terms-accept = Kabul et ve devam et
terms-later = Daha sonra
terms-refuse = Reddet ve oturumu kapat

## outbox

outbox-title = Giden kutusu
outbox-help = Bu kurulum e-posta göndermez. Göndereceği e-postalar burada, yalnızca bu makine için durur.
outbox-none = E-posta yok.
outbox-open = Göster
outbox-link = Bağlantıyı aç

## mail

mail-footer = Gönderen: { $host }. Bu adrese gelen yanıtları kimse okumaz.
mail-when = Zaman: { $at }
mail-when_where = Zaman: { $at }, tarayıcı: { $device }
mail-valid = Son geçerlilik: { $at }
mail-not_you = Bunu siz yapmadıysanız hesabınızı açın, tanımadığınız oturumları sonlandırın ve oturum açma yollarınızı değiştirin. Bunu yapamıyorsanız bu sitenin yöneticisine başvurun.
mail-ignore = Bunu siz istemediyseniz bu e-postayı dikkate almayın. Siz bir şey yapmadıkça hiçbir şey olmaz.
mail-account_do = Hesabınızı açın
mail-link = { $label }:
mail-registration_subject = { $host } için kodunuz: { $code }
mail-registration_lead = { $host } hesabınızı oluşturmak için bu kodu başladığınız yerde yazın veya bağlantıyı açın.
mail-registration_do = Adresi doğrulayın
mail-account_exists_subject = { $host } adresinde zaten bir hesabınız var
mail-account_exists_lead = Biri bu adresle hesap oluşturmak istedi, ama zaten bir hesap var. Bunu siz yaptıysanız oturum açın.
mail-approved_subject = { $host } hesabınız onaylandı
mail-approved_lead = Artık oturum açabilirsiniz.
mail-not_approved_subject = { $host } hesabınız onaylanmadı
mail-not_approved_lead = Bu sitenin yöneticileri size hesap açmamaya karar verdi. Girdiğiniz bilgiler silindi.
mail-invitation_subject = Davet: { $host }
mail-invitation_lead = { $host } adresinde hesap oluşturmaya davetlisiniz.
mail-invitation_do = Daveti kabul edin
mail-sign_in_code_subject = { $host } için kodunuz: { $code }
mail-sign_in_code_lead = { $host } adresinde oturum açmak için bu kodu yazın. Kodu isteyen hiç kimseye vermeyin.
mail-passkey_added_subject = Hesabınıza bir geçiş anahtarı eklendi
mail-passkey_added_lead = { $name } adlı geçiş anahtarıyla hesabınızda oturum açılabilir.
mail-passkey_removed_subject = Hesabınızdan bir geçiş anahtarı kaldırıldı
mail-passkey_removed_lead = { $name } adlı geçiş anahtarıyla artık oturum açılamaz.
mail-passkey_suspended_subject = Bir geçiş anahtarınız kopyalanmış olabilir
mail-passkey_suspended_lead = { $name } adlı geçiş anahtarı, bir kopyası varmış gibi davrandı; bu yüzden artık kullanılamaz.
mail-factor_added_subject = Hesabınıza ikinci adım eklendi
mail-factor_added_lead = Bundan sonra oturum açarken sorulur.
mail-factor_removed_subject = Hesabınızdan bir ikinci adım kaldırıldı
mail-factor_removed_lead = Oturum açarken artık sorulmaz.
mail-second_step_guessed_subject = Biri parolanızı biliyor
mail-second_step_guessed_lead = Biri parolanızı girdi, sonra ikinci adımda tekrar tekrar yanıldı. Siz parolayı değiştirene kadar bilinmeyen tarayıcılar bu parolayı kullanamaz.
mail-recovery_code_used_subject = Bir kurtarma kodu kullanıldı
mail-recovery_code_used_lead =
    { $n ->
        [0] Hesabınızda oturum açmak için bir kurtarma kodu kullanıldı. Bu sonuncusuydu: yenilerini oluşturun.
        [one] Hesabınızda oturum açmak için bir kurtarma kodu kullanıldı. Geriye bir kod kaldı.
       *[other] Hesabınızda oturum açmak için bir kurtarma kodu kullanıldı. Geriye { $n } kod kaldı.
    }
mail-recovery_codes_renewed_subject = Yeni kurtarma kodlarınız var
mail-recovery_codes_renewed_lead = Hesabınızın kurtarma kodları yenilendi. Eskileri artık kullanılamaz.
mail-password_reset_subject = { $host } için yeni bir parola belirleyin
mail-password_reset_lead = Biri hesabınız için yeni bir parola istedi. Yeni parola seçmek için bağlantıyı açın.
mail-admin_reset_subject = { $host } hesabınıza yeniden erişin
mail-admin_reset_lead = Bunu sizin için bir yönetici başlattı. Nasıl oturum açacağınızı seçmek için bağlantıyı açın.
mail-welcome_subject = Hesabınız: { $host }
mail-welcome_lead = Hesabınız şu adrese taşındı: { $host }. Nasıl oturum açacağınızı seçmek için bağlantıyı açın.
mail-reset_do = Yeni bir parola seçin
mail-password_changed_subject = Parolanız değiştirildi
mail-password_changed_lead = Diğer bütün tarayıcılarda ve uygulamalarda oturum kapatıldı.
mail-email_code_subject = { $host } için kodunuz: { $code }
mail-email_code_lead = Bu adresi hesabınızda kullanmak için bu kodu yazın.
mail-email_changed_subject = Hesabınızın adresi değiştirildi
mail-email_changed_lead = Hesabınızın artık başka bir e-posta adresi var. Bunu siz yapmadıysanız değişikliği geri alın: bu, bütün tarayıcılardaki ve uygulamalardaki oturumları da kapatır.
mail-undo_do = Değişikliği geri alın
mail-notice_address_subject = Bildirimlerin ikinci adresi değişti
mail-notice_address_lead = Hesabınızla ilgili bildirimler için ikinci bir adres eklendi ya da kaldırıldı.
mail-email_new_subject = Artık hesabınızın adresi bu
mail-email_new_lead = Hesabınızın e-posta adresi bu adresle değiştirildi.
mail-email_undone_subject = Adres değişikliğiniz geri alındı
mail-email_undone_lead = Hesabınız eski e-posta adresine döndü; bütün tarayıcılarda ve uygulamalarda oturum kapatıldı.
mail-recovery_started_subject = Biri hesabınızı kurtarıyor
mail-recovery_started_lead = Bu posta kutusunu okuyabilen biri hesabınıza yeniden erişmek istedi. Bunu tamamlayabileceği en erken zaman: { $at }. Bu kişi siz değilseniz durdurun.
mail-stop_do = Kurtarmayı durdurun
mail-recovery_stopped_subject = Hesabınızın kurtarılması durduruldu
mail-recovery_stopped_lead = Hiçbir şey değişmedi.
mail-recovery_finished_subject = Hesabınız kurtarıldı
mail-recovery_finished_lead = Diğer bütün tarayıcılarda ve uygulamalarda oturum kapatıldı.
mail-provider_connected_subject = Bir oturum açma yolu bağlandı
mail-provider_connected_lead = { $provider } ile hesabınızda oturum açabilirsiniz.
mail-provider_removed_subject = Bir oturum açma yolu kaldırıldı
mail-provider_removed_lead = { $provider } ile artık hesabınızda oturum açılamaz.
mail-export_ready_subject = Verileriniz indirilebilir
mail-export_ready_lead = Verilerinizin kopyası hesap sayfanızda hazır.
mail-deletion_requested_subject = Hesabınız silinecek
mail-deletion_requested_lead = Hesabınız ve içindeki her şey şu zamanda silinecek: { $at }. Hesabı korumak için daha önce oturum açın.
mail-deleted_subject = { $host } hesabınız silindi
mail-deleted_lead = Hesabınız ve verileriniz silindi. Bu konudaki son e-posta budur.

## recover

error-identifier = Kullanıcı adınızı veya e-posta adresinizi girin.
error-review = Her oturum açma yolu için karar verin: kalsın veya kaldırılsın.
error-recovery_wait = Kurtarma şu tarihten itibaren tamamlanabilir: { $date }. Hesabın bütün adreslerine haber verildi; her birinden durdurulabilir.
error-password_wrong = Parola bu değil.
error-sign_in_again = Bunu değiştirmek için oturumu kapatıp yeniden açın.
login-lost = Parolanızı mı unuttunuz?
login-or = veya
recover-title = Hesabınıza yeniden erişin
recover-lede = Kullanıcı adınızı veya e-posta adresinizi girin. Hesabın adresine bir bağlantı göndeririz.
recover-do = Bağlantıyı gönder
recover-sent = Böyle bir hesap varsa bir e-posta yolda. Bağlantısı her tarayıcıda 30 dakika boyunca geçerlidir.
recover-to_sign_in = Oturum açın
recover-to_account = Hesabınızı açın
recover-again = Yeni bir bağlantı isteyin
recover-over_title = Bu bağlantı artık geçerli değil
recover-link_lede = Bundan sonra nasıl oturum açacağınızı seçmek için devam edin. Henüz hiçbir şey değişmedi.
recover-link_do = Devam et
recover-second_title = Bir adım daha
recover-second_lede = Hesabınızı paroladan fazlası koruyor. Sizin olduğunu uygulamanızın gösterdiği bir kodla, bir kurtarma koduyla veya geçiş anahtarınızla gösterin.
recover-second_lede_code = Hesabınızı paroladan fazlası koruyor. Sizin olduğunu uygulamanızın gösterdiği bir kodla veya bir kurtarma koduyla gösterin.
recover-second_lede_passkey = Hesabınızı paroladan fazlası koruyor. Sizin olduğunu geçiş anahtarınızla gösterin.
recover-with_passkey = Geçiş anahtarı için parola gerekmez. Onunla oturum açın ve hesap sayfanızda yeni bir parola seçin.
recover-second_code = Kod
recover-lost = İkinci adımınızı mı kaybettiniz?
recover-wait_help = Bunun yerine bekleyebilirsiniz. Hesabın bütün adreslerine yazarız; hesabın sahibi kurtarmayı durdurabilir.
recover-wait_password = Parolanızı biliyorsanız bunun yerine bekleyebilirsiniz. Hesabın bütün adreslerine yazarız; hesabın sahibi kurtarmayı durdurabilir.
recover-wait_long = Bekleme { $n } saat sürer.
recover-wait_do = Bunun yerine bekle
recover-wait_title = Kurtarma bekliyor
recover-ask = İkinci adımınızı kaybettiyseniz bu sitenin bir yöneticisi yardım edebilir.
recover-new_title = Yeni bir parola seçin
recover-new_lede = Bütün tarayıcılarda ve uygulamalarda oturum kapatılacak.
recover-password = Yeni parola
recover-password_help = En az { $n } karakter; birkaç kelime iyi iş görür.
recover-password_help_beside = En az { $n } karakter, doğrulama uygulamanız kalırsa { $beside }; birkaç kelime iyi iş görür.
recover-ways = Diğer oturum açma yolları
recover-ways_help = Sizin olanlar kalsın. Tanımadıklarınızı veya kaybettiklerinizi kaldırın.
recover-way_passkey = Geçiş anahtarı: { $name }
recover-way_totp = Doğrulama uygulaması: { $name }
recover-way_codes = Kurtarma kodları
recover-way_provider = Bağlı hesap: { $name }
recover-keep = Kalsın
recover-remove = Kaldırılsın
recover-save = Kaydet
recover-no_password = Parolayı kaldır: yalnızca geçiş anahtarıyla oturum açacağım
recover-passkey = Geçiş anahtarı oluştur ve kaydet
recover-done_title = Yeniden hoş geldiniz
recover-done = Bundan sonra yeni parola geçerli; bütün tarayıcılarda ve uygulamalarda oturum kapatıldı.
recover-stop_title = Kurtarmayı durdurun
recover-stop_lede = Biri bu hesaba ikinci adımı olmadan erişmeye çalışıyor. Bu kişi siz değilseniz durdurun.
recover-stop_do = Durdur
recover-stopped = Kurtarma durduruldu; hiçbir şey değişmedi.

## password

password-title = Parolanızı değiştirin
password-lede = Diğer bütün tarayıcılarda ve bütün uygulamalarda oturum kapatılacak.
password-before_app = Şifreniz tek başına yetecek kadar uzun değil. Daha uzun bir şifre seçin, sonra uygulamayı kaldırın.
password-current = Şu anki parola
password-new = Yeni parola
password-strength = Tahmin edilmesi ne kadar zor
password-do = Parolayı değiştir

## profile

profile-title = Profiliniz
profile-lede = Kendiniz hakkında söyledikleriniz. Uygulamalar bunları yalnızca izin verirseniz görür; buradaki her alan boş kalabilir.
profile-name = Ad soyad
profile-given_name = Ad
profile-middle_name = İkinci ad
profile-family_name = Soyad
profile-nickname = Takma ad
profile-birthdate = Doğum tarihi
profile-birthdate_help = Yıl-ay-gün olarak, örneğin 1990-05-17. Yalnızca yıl da yazılabilir; yılsız 0000-05-17 yazın.
profile-website = Web sitesi
profile-website_help = https:// ile başlar.
profile-phone = Telefon
profile-phone_help = Artı işareti ve ülke koduyla, örneğin +90 212 000 0000.
profile-street_address = Cadde, sokak ve numara
profile-postal_code = Posta kodu
profile-address_level2 = Şehir
profile-country_name = Ülke
profile-locale = Dil
profile-locale_browser = Tarayıcımın istediği dil
profile-locale_help = Bu sayfaların ve e-postaların dili; uygulamalara da bu söylenir.
profile-zoneinfo = Saat dilimi
profile-zoneinfo_none = Belirtilmedi
profile-do = Kaydet
profile-back = Hesabınıza dönün
profile-picture = Resim
profile-picture_file = Yüklenecek resim
profile-picture_help = En fazla 2 MiB boyutunda JPEG, PNG veya WebP. Ortadaki kare saklanır.
profile-picture_do = Yükle
profile-picture_remove = Resmi kaldır
profile-done_saved = Profiliniz kaydedildi.
profile-done_picture = Resminiz kaydedildi.
profile-done_removed = Resminiz kaldırıldı.

## email

email-title = E‑posta adresinizi değiştirin
email-lede = Hesabınızın adresi: { $email }. Yenisi doğrulanana kadar böyle kalır.
email-new = Yeni e-posta adresi
email-do = Kod gönder
email-check_title = E‑postalarınıza bakın
email-check_lede = Şu adrese yazdık: { $email }. Kodu buraya yazın.
email-code = Kod
email-verify = Adresi doğrula
email-again = Başka bir adres kullan
email-undo_title = Adres değişikliğinizi geri alın
email-undo_lede = Böylece hesabınız eski adresine döner; bütün tarayıcılarda ve uygulamalarda oturum kapatılır.
email-undo_do = Değişikliği geri al
email-undone = Hesap eski adresine döndü. Bütün tarayıcılarda ve uygulamalarda oturum kapatıldı. Oturum açamıyorsanız hesabı kurtarın: bu şimdi birkaç gün sürer ve iki adrese de haber verilir.

## account_delete
delete-title = Hesabınızı silin
delete-lede = Hesabınız 14 gün sonra silinir. O zamana kadar oturum açıp hesabınızı koruyabilirsiniz.
delete-what = Bütün tarayıcılarda ve bütün uygulamalarda oturum hemen kapatılır. 14 gün sonra verileriniz burada ve bütün hizmetlerde silinir; kullanıcı adınız ve adresiniz bir yıl boyunca kimseye verilmez.
delete-export = Önce verilerinizin bir kopyasını indirin
delete-username = Kullanıcı adınız
delete-username_help = Onaylamak için şunu yazın: { $name }
delete-do = Hesabımı sil
delete-requested_title = Hesabınız silinecek
delete-requested = Hesabınız 14 gün sonra silinecek. Korumak için o zamana kadar oturum açın. Size e-posta gönderdik.
delete-to_account = Hesaba dön
error-wrong_name = Bu, hesabın kullanıcı adı değil.
error-last_administrator = Son yönetici sizsiniz. Önce başka birini yönetici yapın.
cause-deletion_requested = Hesabın silinmesi istendi.

## account_export
export-title = Verilerinizi indirin
export-lede = Burada sizinle ilgili saklanan her şeyi içeren bir dosya; parolalar ve diğer gizli bilgiler hariç.
export-none = Henüz bir kopya yok. Günde bir kopya isteyebilirsiniz.
export-waiting = Kopyanız hazırlanıyor. Biraz sonra bu sayfayı yeniden açın.
export-ready = Kopyanız hazır. Buradan indirebileceğiniz son gün: { $date }.
export-elsewhere = Bir kopya yalnızca onu isteyen tarayıcıda hazır. Son gün: { $date }.
export-download = İndir
export-do = Kopya hazırla
error-export_limit = Son bir gün içinde bir kopya istediniz. Yarın yeniden isteyin.

## required_deletion
keep-title = Hesabınız kalsın mı?
keep-do = Hesabı koru
keep-sign_out = Oturumu kapat
error-deletion_pending = Bu hesabın silineceği tarih: { $date }.

## upstream

upstream-title = Başka bir sağlayıcıyla oturum açma
upstream-with = { $provider } ile devam et
upstream-to_providers = Bağlı hesaplarınıza gidin
upstream-to_sign_in = Oturum açma sayfasına gidin
upstream-confirm_title = Hesap bağlama
upstream-confirm_heading = { $provider } hesabınız bağlansın mı?
upstream-confirm_lede = { $name } olarak oturum açtınız. Orada oturum açabilen herkes burada da oturum açabilecek.
upstream-connect = Bağla
upstream-register_title = Hesabınızı oluşturun
upstream-register_lede = { $provider } ile oturum açıyorsunuz, bu yüzden burada parolaya ihtiyacınız yok. Bir kullanıcı adı seçin.

## providers

providers-title = Bağlı hesaplar
providers-lede = Oturum açmak için kullandığınız, başka yerlerdeki hesaplar.
providers-list = Bağlı olanlar
providers-none = Bağlı hesap yok.
providers-off = Kapalı
providers-linked = Bağlandığı zaman:
providers-everywhere = Diğer tüm cihazlarımın ve uygulamalarımın oturumunu kapat
providers-remove = Kaldır
providers-others = Başka bir hesap bağlayın
providers-connect = { $provider } hesabını bağla
providers-done_connected = Hesap bağlandı.
providers-done_removed = Hesap kaldırıldı.

## notices

notices-title = Bildirimler
notices-lede = Hesabınızla ilgili bildirimler { $email } adresine, eklerseniz ikinci bir adrese de gider.
notices-refused = Bu adrese gönderilen son e-posta reddedildi. Adresi denetleyin ya da değiştirin.
notices-email = İkinci adres
notices-help = Yalnızca bildirim alır: onunla oturum açılmaz ve hesap kurtarılmaz.
notices-remove = İkinci adresi kaldır
