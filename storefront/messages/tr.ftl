### What the shop says, in Turkish. A value never takes a suffix: its vowels are not known.
### The message that the code calls `section.name` is `section-name` here.

## shop

shop-name = Latchkey Courses
shop-footer = Öğrettiği işi kendisi yapan insanlardan kurslar.

## nav

nav-main = Ana menü
nav-courses = Tüm kurslar
nav-crumbs = Buradasınız
nav-home = Ana sayfa
nav-sign_in = Giriş yap
nav-menu = Menünüz
nav-library = Kitaplığım
nav-orders = Siparişlerim
nav-wallet = Cüzdanım
nav-teach = Verdiğim kurslar
nav-teaching = Eğitmenlik
nav-account = Hesabım
nav-basket = Sepet
nav-in_basket =
    { $n ->
        [one] içinde { $n } kurs var
       *[other] içinde { $n } kurs var
    }
nav-sign_out = Her yerden çıkış yap

## search

search-label = Kurs ara
search-do = Ara
search-suggestions = Benzer başlıklar

## home

home-headline = Bir işi, onu yapandan öğrenin.
home-promise = Kısa, özenle hazırlanmış kurslar. Karar vermeden önce her dersin başlığını ve süresini görürsünüz.
home-ask = Ne öğrenmek istersiniz?
home-lead = Yeni yayımlandı
home-subjects = Konular
home-new = Rafa yeni gelenler
home-beginner = Sıfırdan başlayın
home-all = Tümünü gör

## listing

listing-title = Tüm kurslar
listing-found = “{ $q }” için kurslar
listing-results = Sonuçlar
listing-pages = Sayfalar
listing-first = İlk sayfaya dön
listing-next = Sonraki sayfa
listing-all = Tümünü temizle
listing-empty = Buna uyan kurs yok. Daha az kelimeyle ya da daha az filtreyle daha çok kurs bulursunuz.
listing-empty_shelf = Burada henüz kurs yok.
listing-description = Tüm kursları arayın; konuya, düzeye, dile ve fiyata göre filtreleyin.

## filter

filter-title = Filtreler
filter-words = Aranan kelimeler
filter-category = Konu
filter-level = Düzey
filter-language = Dil
filter-price = Fiyat
filter-rating = Puan
filter-any_rating = Tüm puanlar
filter-stars_up = { $n } yıldız ve üzeri
filter-sort = Sıralama
filter-any_category = Tüm konular
filter-any_level = Tüm düzeyler
filter-any_language = Tüm diller
filter-any_price = Tüm fiyatlar
filter-up_to = En çok { $price }
filter-apply = Kursları göster
filter-clear = Tümünü temizle
filter-active = Kullanılan filtreler
filter-remove = Kaldır:

## sort

sort-relevance = En uygun önce
sort-newest = En yeni önce
sort-top_rated = En yüksek puanlı önce
sort-price_asc = En düşük fiyat önce
sort-price_desc = En yüksek fiyat önce
sort-title = Başlığa göre

## level

level-beginner = Başlangıç
level-intermediate = Orta
level-advanced = İleri
level-all = Her düzey için

## language

language-de = Deutsch
language-en = English
language-es = Español
language-fr = Français
language-it = Italiano
language-pt = Português
language-tr = Türkçe

## card

card-limited = Sınırlı yer

## price

price-free = Ücretsiz
price-was = Normal fiyat
price-saved = { $saved } daha az ödüyorsunuz (%{ $percent })
price-text = { $symbol }{ $amount }
price-point = ,
price-thousands = .
price-percent = %{ $percent }

## unit

unit-lessons =
    { $n ->
        [one] { $n }{"\u00A0"}ders
       *[other] { $n }{"\u00A0"}ders
    }
unit-sections =
    { $n ->
        [one] { $n } bölüm
       *[other] { $n } bölüm
    }
unit-minutes = { $m }{"\u00A0"}dk
unit-hours = { $h }{"\u00A0"}sa
unit-hours_minutes = { $h }{"\u00A0"}sa{"\u00A0"}{ $m }{"\u00A0"}dk

## rating

rating-stars = 5 üzerinden { $average } yıldız
rating-reviews =
    { $n ->
        [one] { $n } değerlendirme
       *[other] { $n } değerlendirme
    }
rating-n_stars =
    { $n ->
        [one] { $n } yıldız
       *[other] { $n } yıldız
    }

## reviews

reviews-title = Kursu alanlar ne diyor?
reviews-of = Değerlendirmeler: { $title }
reviews-none = Bu kursu henüz kimse değerlendirmedi.
reviews-all = Tüm değerlendirmeler
reviews-unsigned = Bu kursu alan biri

## review

review-write = Değerlendirme yaz
review-change = Değerlendirmeniz
review-stars = Kaç yıldız?
review-text = Başkaları neyi bilmeli?
review-text_help = İsteğe bağlı. En çok 2.000 karakter.
review-name = Görünen ad
review-name_help = Bu adı herkes görür. Adınızın görünmemesi için boş bırakın.
review-send = Değerlendirmeyi gönder
review-withdraw = Değerlendirmeyi geri çek
review-no_stars = Kaç yıldız verdiğinizi seçin.
review-invalid = Metin ya da ad çok uzun veya gösterilemeyen karakterler içeriyor.
review-not_owner_yet = Bir kursu yalnızca onu alanlar değerlendirebilir. Az önce aldıysanız biraz sonra yeniden deneyin.
review-done_written = Değerlendirmeniz için teşekkürler.
review-done_written_next = Artık bu sayfada; istediğiniz zaman değiştirebilirsiniz.
review-done_withdrawn = Değerlendirmeniz geri çekildi.
review-done_withdrawn_next = İstediğiniz zaman yenisini yazabilirsiniz.

## course

course-by = Eğitmen: { $name }
course-outcomes = Neler yapabileceksiniz?
course-about = Bu kurs hakkında
course-curriculum = Kurs içeriği
course-requirements = Önceden gerekenler
course-instructor = Eğitmeniniz
course-preview = Ön izleme

## buy

buy-title = Fiyat ve dahil olanlar
buy-not_yet = Kayıt henüz açılmadı
buy-when = Kayıt açılınca bu sayfadan kaydolabilirsiniz.
buy-limited = Yer sınırlı
buy-seats =
    { $n ->
        [one] { $n } yer kaldı
       *[other] { $n } yer kaldı
    }
buy-add = Sepete ekle
buy-in_basket = Bu kurs sepetinizde.
buy-to_basket = Sepete git
buy-owned = Bu kurs zaten sizin.
buy-learn = Kursa git
buy-sold_out = Yer kalmadı
buy-sold_out_next = Eğitmen yeni yer açarsa buradan kaydolabilirsiniz.
buy-included = Neler dahil?
buy-previews =
    { $n ->
        [one] { $n } derse ön izleme
       *[other] { $n } derse ön izleme
    }
buy-language = Dil: { $language }
buy-updated = Son güncelleme:

## basket

basket-title = Sepetim
basket-lines = Sepetinizdeki kurslar
basket-empty = Sepetiniz boş.
basket-look = Kurslara göz at
basket-only_saved = Sepetinizde bir şey yok. Sonraya sakladıklarınız aşağıda.
basket-unknown = Artık mağazada olmayan bir kurs
basket-each = Tanesi { $price }
basket-quantity = Adet
basket-change = Değiştir
basket-save = Sonraya sakla
basket-move = Sepete taşı
basket-remove = Kaldır
basket-saved = Sonraya saklananlar
basket-sum = Özet
basket-subtotal = Ara toplam
basket-total = Toplam
basket-checkout = Ödemeye geç
basket-sign_in_to_checkout = Ödemek için giriş yap
basket-price_changed = Sepete eklediğinizde fiyatı { $before } idi. Bugünkü fiyat geçerlidir.
basket-line_owned = Bu zaten sizin. Devam etmek için kaldırın.
basket-line_sold_out = Yer kalmadı. Devam etmek için sonraya saklayın ya da kaldırın.
basket-line_unavailable = Bu artık satışta değil. Devam etmek için kaldırın.
basket-not_ready = Sepetinizdeki bir şey satın alınamıyor.
basket-not_ready_next = Onu kaldırın ya da sonraya saklayın, sonra ödemeye geçin.
basket-added = Sepetinize eklendi.
basket-added_next = Ödemeye geçin ya da kurslara bakmaya devam edin.
basket-owned = Bu kurs zaten sizin.
basket-owned_next = Hiçbir şey eklenmedi.
basket-not_for_sale = Bu kurs satışta değil.
basket-not_for_sale_next = Hiçbir şey eklenmedi.
basket-full = Sepetiniz dolu.
basket-full_next = Sonraya sakladıklarınızla birlikte en çok 50 kurs alır. Önce birini kaldırın.
basket-bad_quantity = Bu adette satın alınamaz.
basket-bad_quantity_next = Hiçbir şey değişmedi. 1 ile 100 arasında bir sayı yazın.
basket-gone = Artık sepetinizde değildi.
basket-gone_next = Sepetinizde şu anda bunlar var.

## coupon

coupon-code = Kupon kodu
coupon-apply = Uygula
coupon-remove = { $code } kuponunu kaldır
coupon-line = Kupon: { $code }
coupon-unchecked = Şu anda kontrol edilemiyor. Siz ödemeden önce yeniden kontrol edilecek.
coupon-after_sign_in = Giriş yaptığınızda kontrol edilecek.
coupon-expired = Bu kupon bugün geçerli değil.
coupon-limit = Bu kupon tükendi.
coupon-not_eligible = Bu kupon sepetinizdekiler için geçerli değil.
coupon-min_subtotal = Sepetinizin tutarı bu kupon için düşük.
coupon-unknown = Böyle bir kupon yok.
coupon-refused = Bu kupon şu anda kullanılamıyor. Daha sonra yeniden deneyin.
coupon-bad = Bu bir kupon koduna benzemiyor.
coupon-bad_next = Hiçbir şey değişmedi. Kodlar harf, rakam ve kısa çizgiden oluşur.

## wishlist

wishlist-title = İstek listem
wishlist-courses = Sonrası için kurslar
wishlist-keep = İstek listesine ekle
wishlist-kept = İstek listenizde
wishlist-none = İstek listeniz boş. Her kursun sayfasında bunun için bir düğme var.
wishlist-visitor = Bu liste bu tarayıcıda bir hafta saklanır. Kalıcı olması için giriş yapın.
wishlist-price_changed = Listeye eklediğinizde fiyatı { $before } idi.
wishlist-line_owned = Bu zaten sizin.
wishlist-line_sold_out = Şu anda yer kalmadı.
wishlist-line_unavailable = Bu artık satışta değil.
wishlist-done_kept = İstek listenize eklendi.
wishlist-done_kept_next = Siz sepete taşıyana ya da kaldırana kadar orada kalır.
wishlist-done_removed = İstek listenizden kaldırıldı.
wishlist-done_removed_next = Kurs mağazada kalır.
wishlist-full = İstek listeniz dolu.
wishlist-full_next = Sepet ve istek listesi birlikte en çok 50 kurs alır. Önce birini kaldırın.

## checkout

checkout-title = Ödeme
checkout-address = 1. Fatura adresi
checkout-name = Ad soyad
checkout-street = Sokak ve numara
checkout-postal_code = Posta kodu
checkout-city = Şehir
checkout-country = Ülke
checkout-pay = 2. Ödeme yöntemi
checkout-wallet = Cüzdanınızdan (kullanılabilir tutar: { $available })
checkout-wallet_max = Olabildiğince çok
checkout-wallet_some = En çok aşağıdaki tutar kadar
checkout-wallet_none = Hiç kullanma
checkout-wallet_amount = En çok bu tutar
checkout-card = Kalanı kartla
checkout-saved_card = { $card }, son kullanma { $until }
checkout-new_card = Yeni bir kart
checkout-typed_card = Az önce girdiğiniz kart
checkout-save_card = Bu kartı bir dahaki sefer için kaydet
checkout-no_card = Kart yok: tamamını cüzdan öder
checkout-card_help = Yeni kart için. Mağaza yalnızca yayımlanmış deneme kartlarını kabul eder, örneğin 4242 4242 4242 4242; gerçek para çekilmez.
checkout-card_number = Kart numarası
checkout-card_expiry = Son kullanma tarihi
checkout-card_month = Ay
checkout-card_year = Yıl
checkout-card_cvc = Güvenlik kodu
checkout-review = 3. Son kontrol
checkout-terms = Mağazanın koşullarını ve kursu hemen kullanabileceğimi kabul ediyorum.
checkout-terms_short = Koşullar
checkout-buy = { $total } öde
checkout-buy_free = Ücretsiz kaydol
checkout-trust = Düğmeye kaç kez basarsanız basın, yalnızca bir kez ödersiniz. Kart numaranız ödeme kuruluşuna gider, burada saklanmaz.
checkout-faults = Bazı alanlara bakmanız gerekiyor. Sipariş verilmedi.
checkout-fault = { $field }: { $message }
checkout-fault_missing = bu alanı doldurun
checkout-fault_text = çok uzun ya da yazdırılamayan karakterler içeriyor
checkout-fault_amount = 20 ya da 20,00 gibi bir tutar yazın
checkout-fault_no_payment = bir kart seçin ya da cüzdanınızdan ödeyin
checkout-fault_terms = sipariş vermek için kabul edin
checkout-fault_card_number = bu bir kart numarası değil. Yeniden yazın
checkout-fault_test_card = yalnızca yayımlanmış deneme kartları geçer. Başka birini yazın
checkout-fault_many_cards = kayıtlı on kartınız var. Onlardan birini seçin
checkout-fault_card_expiry = ayı ve yılı karttaki gibi yazın; tarih geçmiş olmasın
checkout-fault_card_cvc = güvenlik kodunun üç ya da dört rakamını yazın
checkout-fault_other = Sipariş okunamadı. Her alanı kontrol edip yeniden deneyin.
checkout-basket_changed = Sepetiniz bu arada değişti. Sipariş verilmedi.
checkout-basket_changed_next = Şimdi içinde ne olduğuna ve toplama bakın, sonra yeniden sipariş verin.
checkout-price_changed = Fiyat bu arada değişti. Sipariş verilmedi.
checkout-price_changed_next = Yeni toplam aşağıda. Uygunsa yeniden sipariş verin.
checkout-sent_before = Bu form daha önce başka bilgilerle gönderildi.
checkout-sent_before_next = Yeniden göndermeden önce siparişlerinize bakın.
checkout-away = Siparişinizin alınıp alınmadığını öğrenemedik.
checkout-away_next = Biraz sonra düğmeye yeniden basın. Böylece iki kez sipariş vermiş olmazsınız.
checkout-payment_away = Ödeme hizmetine şu anda ulaşılamıyor. Sipariş verilmedi.
checkout-payment_away_next = Bu genellikle birkaç saniye sürer. Sepetiniz olduğu gibi kalır.

## country

country-at = Avusturya
country-be = Belçika
country-ch = İsviçre
country-de = Almanya
country-es = İspanya
country-fr = Fransa
country-gb = Birleşik Krallık
country-ie = İrlanda
country-it = İtalya
country-nl = Hollanda
country-pl = Polonya
country-pt = Portekiz
country-tr = Türkiye
country-us = Amerika Birleşik Devletleri

## action

action-title = Bu ödemeyi onaylayın
action-lede = Kartınızı veren banka, ödeyenin siz olup olmadığını soruyor.
action-order = Sipariş
action-from = Kart
action-amount = Tutar
action-until = Son yanıt zamanı: { $time }. Bundan sonra sipariş iptal edilir ve hiçbir ücret alınmaz.
action-approve = Evet, benim
action-deny = Hayır, durdur
action-test = Bu sayfa bir bankanın sayfasının yerini tutar: mağaza yalnızca deneme kartlarını kabul eder.

## error

error-trace = Bu konuda bize yazarsanız lütfen şu kodu belirtin:
error-to_home = Ana sayfaya git
error-to_courses = Tüm kurslara git
error-again = Yeniden dene
error-back = Sayfaya dön
error-bad_title = Bu adresi okuyamıyoruz.
error-bad_next = Bir kısmı eksik ya da değişmiş. Aramayı listeden yeniden başlatın.
error-missing_title = Böyle bir sayfa yok.
error-missing_next = Sayfa taşınmış ya da kurs, hazırlayanı tarafından kaldırılmış olabilir.
error-method_title = Bu sayfa o isteği kabul etmiyor.
error-method_next = Bu adres yalnızca bir sayfa gösterir.
error-foreign_title = Bu form başka bir yerden geldi.
error-foreign_next = Yalnızca kendi sayfalarımızdaki formları kabul ederiz. Geri dönüp orada yeniden deneyin.
error-broken_title = Bizim tarafta bir şeyler ters gitti.
error-broken_next = Hata kaydedildi. Biraz sonra yeniden denemek işe yarayabilir.
error-away_title = Kurslara şu anda ulaşılamıyor.
error-away_next = Bu genellikle birkaç saniye sürer. Hiçbir şeyiniz kaybolmadı.
error-part_away_title = Mağazanın bu bölümüne şu anda ulaşılamıyor.
error-part_away_next = Bu genellikle birkaç saniye sürer. Hiçbir şeyiniz kaybolmadı.
error-maybe_done = Bu genellikle birkaç saniye sürer. Gönderdiğiniz işlem yapılmış da olabilir, yapılmamış da: önce oraya bakın.
error-sign_in_title = Giriş yapmadınız.
error-sign_in_next = Giriş bu tarayıcıda tamamlanmadı ya da çok uzun sürdü. Yeniden başlayın.
error-to_sign_in = Giriş yap
error-forbidden_title = Hesabınızın bunu yapma izni yok.
error-forbidden_next = Burada ders vermek isterseniz mağazayla iletişime geçin.
error-instructor_title = Kursları yalnızca eğitmenler yazar.
error-instructor_next = Eğitmen olmak için mağazaya başvurun. Sonra yeniden giriş yapın; bu sayfa açılır.
error-signed_out_title = Oturumunuz kapandı.
error-signed_out_next = Yeniden giriş yapın ve yaptığınızı tekrarlayın. Hiçbir şey kaydedilmedi.

## teach

teach-title = Verdiğim kurslar
teach-lede = Taslakları siz yayımlayana kadar yalnızca siz görürsünüz.
teach-new = Yeni kurs
teach-none = Henüz bir kurs yazmadınız.
teach-updated = Son değişiklik: { $day }
teach-draft = Taslak
teach-published = Yayında
teach-unlisted = Liste dışı
teach-archived = Arşivde
teach-publish = Yayımla
teach-unlist = Listelerden çıkar
teach-archive = Kalıcı olarak arşivle
teach-archive_ask = “{ $title }” kalıcı olarak arşivlensin mi?
teach-archive_means = Artık satılmaz, bir daha değiştirilemez ve yayımlanamaz. Kursu almış olanlarda kalır.
teach-keep = Vazgeç
teach-see = Mağazada gör
teach-save = Kaydet
teach-write = Taslağı kaydet
teach-stale = Kurs bu arada başka bir pencerede değiştirildi. Karşılaştırın, sonra yeniden kaydedin.
teach-signed_out = Oturumunuz kapandı. Yazdıklarınız hâlâ burada ama henüz kaydedilmedi.
teach-signed_out_next = Yeni bir sekmede yeniden giriş yapın, bu sekmeye dönün ve kaydedin.
teach-sign_in_again = Yeni sekmede giriş yap
teach-again = Bu sayfa son girişinizden önce açılmıştı. Hiçbir şey kaydedilmedi.
teach-again_next = Yazdıklarınızı kontrol edin, sonra yeniden kaydedin.
teach-forbidden = Artık eğitmen değilsiniz. Yazdıklarınız hâlâ burada ama kaydedilmedi.
teach-forbidden_next = Bir kopyasını saklayın ve mağazadan sizi yeniden eğitmen yapmasını isteyin. Sonra bir kez daha kaydedin.
teach-faults = Bazı alanlara bakmanız gerekiyor.
teach-faults_next = Hiçbir şey kaydedilmedi.
teach-fault = { $field }: { $message }
teach-f_title = Başlık
teach-f_title_help = 5 ile 120 karakter arası.
teach-f_subtitle = Kursun neyle ilgili olduğunu anlatan tek cümle
teach-f_description = Açıklama
teach-f_description_help = Markdown: paragraflar, listeler, vurgu, bağlantılar. Yayımlamak için en az 100 karakter.
teach-f_category = Konu
teach-f_level = Düzey
teach-f_language = Dil
teach-f_price = Euro olarak fiyat
teach-f_price_help = 59 ya da 59,00; 0 ücretsiz demektir. Yayımlamak için gereklidir.
teach-f_list_price = Normal fiyat (isteğe bağlı)
teach-f_limited = Yer sınırlı
teach-f_capacity = Yer sayısı
teach-f_capacity_help = Yalnızca sınırlıysa; o zaman yayımlamak için gereklidir.
teach-capacity_later = Yer sayısı henüz kaydedilmedi. Biraz sonra yeniden kaydedin.
teach-capacity_taken = Yer sayısı eskisi gibi kaldı: bundan fazlası zaten dolu.
teach-f_outcomes = Katılanlar neler yapabilecek?
teach-f_requirements = Önceden gerekenler
teach-f_lines_help = Her satıra bir tane.
teach-f_sections = Kurs içeriği
teach-f_sections_help = Gerekmeyen satırları boş bırakın. Kaydedince yenileri eklenir.
teach-f_section = Bölüm { $n }
teach-f_lesson = Ders { $n }
teach-f_minutes = Dakika
teach-f_preview = Ücretsiz ön izleme
teach-no_category = Karar verilmedi
teach-f_photo = Fotoğraf
teach-photo_file = Kursun neyle ilgili olduğunu gösteren bir resim
teach-photo_help = JPEG, PNG ya da WebP; en çok 8 MiB. Önce metninizi kaydedin: yükleme bu sayfayı yeniden açar.
teach-photo_upload = Fotoğraf yükle
teach-photo_remove = Fotoğrafı kaldır
teach-photo_empty = önce bir dosya seçin.
teach-photo_too_long = dosya 8 MiB sınırını aşıyor. Küçültün.
teach-photo_no_picture = dosya JPEG, PNG ya da WebP değil.
teach-photo_too_large = resim 40 megapikselden büyük ya da bir kenarı 8192 pikselden uzun. Küçültün.
teach-photo_moving = resim hareketli. Durağan bir resim seçin.
teach-photo_damaged = resim sonuna kadar okunamıyor. Bir resim düzenleyiciyle yeniden kaydedin.
teach-photo_quota = 500 fotoğrafınız var. Önce hiçbir kursta görünmeyen birini silin.
teach-photo_busy = şu anda fotoğraf alınamıyor. Bir dakika sonra yeniden deneyin.
teach-photo_stale = kurs bu arada başka bir pencerede değiştirildi. Fotoğrafı yeniden yükleyin.
teach-done_photo = Fotoğraf yüklendi.
teach-done_photo_next = Kurs bundan sonra onu gösterir.
teach-done_no_photo = Fotoğraf kaldırıldı.
teach-done_no_photo_next = Kurs, kendisi için çizilen resmi gösterir.
teach-done_created = Taslağınız kaydedildi.
teach-done_created_next = Siz yayımlayana kadar başka kimse görmez.
teach-done_saved = Değişiklikleriniz kaydedildi.
teach-done_saved_next = Yayında olan bir kurs bunları hemen gösterir.
teach-done_publish = Kursunuz herkese açık.
teach-done_publish_next = Artık herkes onu mağazada bulabilir.
teach-done_unlist = Kursunuz artık listelenmiyor.
teach-done_unlist_next = Adresini bilen herkes yine görebilir.
teach-done_archive = Kursunuz arşivlendi.
teach-done_archive_next = Artık satılmaz. Kursu almış olanlarda kalır.
teach-state = Durum

## fault

fault-control = görünmeyen denetim karakterleri içeriyor
fault-at_most = en çok { $most } karakter olabilir
fault-between = { $least }–{ $most } karakter olmalı
fault-at_least = en az { $least } karakter olmalı
fault-entries = en çok { $most } satır olabilir
fault-money = en az { $least }, en çok { $most } sent olmalı
fault-range = { $least }–{ $most } arasında olmalı
fault-category = böyle bir konu yok
fault-category_unset = seçilmeli
fault-language = en veya pt-BR gibi bir dil kodu olmalı
fault-list_below = fiyattan düşük olamaz
fault-list_alone = bir fiyat gerektirir
fault-price_unset = belirtilmeli; 0 ücretsiz demektir
fault-no_lesson = en az bir ders içermeli
fault-places_unset = belirtilmeli: kaç yer olduğunu yazın
fault-price_form = 59 veya 59,00 gibi bir fiyat olmalı
fault-places_form = 12 gibi bir tam sayı olmalı
fault-minutes = “{ $lesson }” için dakika olarak bir süre gerekir

## orders

orders-title = Siparişlerim
orders-none = Henüz sipariş vermediniz.
orders-browse = Kurslara göz at
orders-more =
    { $n ->
        [one] ve { $n } tane daha
       *[other] ve { $n } tane daha
    }
orders-on = Sipariş tarihi: { $day }

## order

order-title = Sipariş { $number }
order-lines = Sipariş ettikleriniz
order-known_as = Şimdiki adı “{ $title }”
order-quantity = × { $n }
order-line_refunded = İade edildi
order-sums = Tutar
order-subtotal = Ara toplam
order-discount = İndirim
order-discount_code = { $code } kuponuyla indirim
order-total = Toplam
order-tax = İçindeki vergi
order-from_wallet = Cüzdanınızdan ödenen
order-from_card = Kartla ödenen
order-refunded = Şimdiye kadar iade edilen
order-address = Fatura adresi
order-history = Neler oldu?
order-follow = Ne aşamada olduğunu gör
order-learn = Kitaplığa git
order-invoice = Fatura

## order_state

order_state-submitted = Yer ayrılıyor
order_state-reserved = Ödeme alınıyor
order_state-action_required = Sizi bekliyor
order_state-capturing = Ödeme alınıyor
order_state-paid = Ödendi
order_state-compensating = Geri alınıyor
order_state-completed = Tamamlandı
order_state-refunding = İade ediliyor
order_state-partially_refunded = Kısmen iade edildi
order_state-refunded = İade edildi
order_state-failed = Gerçekleşmedi
order_state-cancelled = İptal edildi

## order_told

order_told-submitted = Yerlerinizi ayırıyoruz. Bu genellikle bir saniye sürer.
order_told-reserved = Yerleriniz ayrıldı. Ödeme isteniyor.
order_told-action_required = Bankanız ödemeyi onaylamanızı istiyor. O zamana kadar yerleriniz ayrılmış kalır.
order_told-capturing = Ödemeniz onaylandı ve alınıyor. Sipariş artık iptal edilemez.
order_told-paid = Ödemeyi yaptınız. Erişiminiz hazırlanıyor; burada beklemeniz gerekmez.
order_told-compensating = Bu sipariş gerçekleşmeyecek. Ayrılmış olanlar geri veriliyor.
order_told-completed = Her şey tamam. Kurslarınız kitaplığınızda.
order_told-refunding = İadeniz sürüyor: önce erişim sona erer, sonra para geri gönderilir.
order_told-partially_refunded = Bu siparişin bir kısmı iade edildi.
order_told-refunded = Bu siparişin tamamı iade edildi.
order_told-failed = Bu sipariş gerçekleşmedi. Onun için artık hiçbir şey ayrılmış değil ve sizden ücret alınmadı.
order_told-cancelled = Bu siparişi iptal ettiniz. Onun için artık hiçbir şey ayrılmış değil ve sizden ücret alınmadı.

## status

status-title = Sipariş { $number }
status-steps = Ne aşamada?
status-reload = Yeniden bak
status-waiting = Bu sayfa siparişinizi kendiliğinden izler. Sayfadan ayrılabilirsiniz: sipariş siz olmadan da ilerler.
status-cancel = Siparişi iptal et
status-cancel_help = Ödeme alınana kadar mümkündür.
status-confirm = Ödemeyi onayla
status-deadline = Son zaman: { $time }
status-undone = Geri alınanlar
status-undoing = Geri alınmakta olanlar
status-order = Siparişi gör
status-refused = Bu sayfa artık sizin için güncellenemiyor.
status-refused_next = Sayfayı açtığınızdan beri oturumunuz değişti. Siparişiniz bu sayfa olmadan da ilerler.
status-too_late = İptal etmek için geç kalındı.
status-too_late_next = Ödeme alınıyor ya da alındı. Sipariş tamamlanınca iade isteyebilirsiniz.

## step

step-reserve = Yer ayırma
step-pay = Ödeme
step-access = Erişim

## step_reserve

step_reserve-todo = Henüz değil
step_reserve-now = Yerler ayrılıyor
step_reserve-yours = Sizi bekliyor
step_reserve-done = Ayrıldı
step_reserve-failed = Gerçekleşmedi
step_reserve-undoing = Geri veriliyor
step_reserve-undone = Geri verildi
step_reserve-skipped = Gerekmedi

## step_pay

step_pay-todo = Henüz değil
step_pay-now = Kontrol ediliyor
step_pay-yours = Onayınızı bekliyor
step_pay-done = Ödendi
step_pay-failed = Gerçekleşmedi
step_pay-undoing = Serbest bırakılıyor
step_pay-undone = Serbest bırakıldı
step_pay-skipped = Ücret alınmadı

## step_access

step_access-todo = Henüz değil
step_access-now = Hazırlanıyor
step_access-yours = Sizi bekliyor
step_access-done = Kitaplığınızda
step_access-failed = Gerçekleşmedi
step_access-undoing = Geri alınıyor
step_access-undone = Geri alındı
step_access-skipped = Verilmedi

## released

released-seats = Ayrılan yerler geri verildi.
released-coupon = Kuponunuz yeniden kullanılabilir.
released-money = Artık hiçbir paranız bloke değil.

## releasing

releasing-seats = Ayrılan yerler geri veriliyor.
releasing-coupon = Kuponunuz serbest bırakılıyor.
releasing-money = Cüzdanınızda ya da kartınızda bloke edilen para serbest bırakılıyor.

## reason

reason-other = Siparişiniz işlenirken bir şeyler ters gitti.
reason-sold_out = Son yer, sizin için ayrılamadan başkası tarafından alındı.
reason-already_owned = Bu kurslardan biri zaten sizin.
reason-already_pending = Bu kurslardan biri başka bir siparişinizde işleniyor.
reason-not_for_sale = Bu kurslardan biri artık satışta değil.
reason-unknown_item = Bu kurslardan biri artık yok.
reason-reservation_cancelled = Yer ayırma iptal edildi.
reason-reservation_timeout = Yer ayırma isteği zamanında yanıtlanmadı.
reason-coupon_expired = Kuponunuz artık geçerli değil.
reason-coupon_limit = Kuponunuz kullanılabileceği kadar kullanıldı.
reason-coupon_not_eligible = Kuponunuz bu kurslar için değil.
reason-coupon_min_subtotal = Kuponunuz daha yüksek tutarlı bir sipariş ister.
reason-coupon_unknown = Böyle bir kupon yok.
reason-coupon_cancelled = Kuponunuzun ayrılması iptal edildi.
reason-coupon_changed = Kuponunuzun değeri bu arada değişti.
reason-insufficient_credits = Cüzdanınızda yeterli bakiye yok.
reason-card_declined = Kartınız reddedildi.
reason-insufficient_funds = Kartınızda yeterli para yok.
reason-expired_card = Kartınızın süresi dolmuş.
reason-bad_cvc = Kartınızın güvenlik kodu yanlış.
reason-unknown_card = Kart artık kayıtlı kartlarınız arasında değil.
reason-action_denied = Ödemeyi onaylamadınız.
reason-payment_abandoned = Ödeme zamanında onaylanmadı.
reason-payment_cancelled = Ödeme iptal edildi.
reason-processor_error = Ödeme kuruluşu ödemeyi işleyemedi.
reason-payment_timeout = Ödeme isteği zamanında yanıtlanmadı.
reason-amount_mismatch = Sizinkinden farklı bir tutar bloke edildi, bu yüzden durduk.
reason-capture_failed = Ödeme onaylandı ama alınamadı.
reason-cancelled_by_buyer = Siz iptal ettiniz.
reason-refund_failed = Bir iade yapılamadı. Erişiminiz yeniden açıldı, para da hâlâ burada.

## advice

advice-again = Hiçbir şeyiniz kaybolmadı. Sepetiniz hâlâ duruyor; biraz sonra yeniden deneyin.
advice-other_course = O kursu sepetinizden çıkarın ve kalanları sipariş edin.
advice-coupon = Kuponu sepetinizden kaldırın ya da başka birini kullanın, sonra yeniden sipariş verin.
advice-card = Sepetiniz hâlâ duruyor. Başka bir kartla ya da cüzdanınızdan yeniden sipariş verin.
advice-confirm = Sepetiniz hâlâ duruyor. Yeniden sipariş verin ve istendiğinde ödemeyi onaylayın.
advice-owned = Onu kitaplığınızda bulursunuz. Kalanları sipariş etmek için sepetinizden çıkarın.
advice-pending = Öteki siparişin bitmesini bekleyin.
advice-wallet = Cüzdanınıza yükleme yapın ya da kartla yeniden sipariş verin.
advice-basket = Sepetiniz hâlâ duruyor.
advice-contact = Bize siparişin numarasını yazın, düzeltelim.
advice-to_basket = Sepete git
advice-to_library = Kitaplığa git
advice-to_orders = Siparişlere git
advice-to_wallet = Cüzdana git

## refund

refund-title = İadeler
refund-ask = İade iste
refund-rule = Satın almadan kısa süre sonra para, kimsenin karar vermesi gerekmeden geri gönderilir. Daha geç isteklerde ve kullandıklarınız ya da öğrendikleriniz için önce biri bakar. Para geri gönderilmeden önce erişiminiz sona erer.
refund-lines = Neler iade edilsin?
refund-why = Neden?
refund-why_help = 1 ile 500 karakter arası.
refund-to = Para nereye gönderilsin?
refund-to_wallet = Cüzdanınıza
refund-to_card = Kartınıza
refund-send = İadeyi iste
refund-state_requested = İnceleniyor
refund-state_approved = Sürüyor
refund-state_refunded = İade edildi
refund-state_rejected = Reddedildi
refund-state_failed = Gerçekleşmedi
refund-review_late = Satın almanın üzerinden hemen iade edilemeyecek kadar zaman geçti, bu yüzden biri karar verecek.
refund-review_consumed = Bir kısmı kullanıldı, bu yüzden biri karar verecek.
refund-review_progress = Büyük bir bölümünü zaten öğrendiniz, bu yüzden biri karar verecek.
refund-note = Yanıtımız: { $note }
refund-done = İade isteğiniz bize iletildi.
refund-done_next = Ne olduğunu aşağıda görürsünüz.
refund-wrong = İade isteğiniz gönderilmedi.
refund-no_lines = En az bir satır seçin.
refund-no_reason = Nedenini birkaç kelimeyle yazın.
refund-more_than_card = Kartla bundan daha az ödendi. Cüzdanınızı ya da daha az satır seçin.
refund-open = Bu siparişin başka bir iadesi henüz bitmedi. Bitmesini bekleyin.
refund-not_refundable = Bu siparişte şu anda iade edilebilecek bir şey yok.
refund-refused = Seçtiklerinizin bir kısmı iade edilemez.

## history

history-submitted = Sipariş verildi
history-reserved = Yerler ayrıldı
history-action_required = Onayınız gerekti
history-capturing = Ödeme onaylandı
history-paid = Ödendi
history-compensating = Durduruldu: ayrılanlar geri veriliyor
history-completed = Tamamlandı
history-refunding = İade başladı
history-partially_refunded = Kısmen iade edildi
history-refunded = İade edildi
history-failed = Her şey geri verildi
history-cancelled = İptal edildi ve her şey geri verildi

## invoice

invoice-title = Fatura { $number }
invoice-waiting = Faturanız yolda
invoice-waiting_next = Siparişiniz ödenir ödenmez, genellikle bir saniye içinde yazılır. Biraz sonra yeniden bakın.
invoice-back = Siparişe dön
invoice-order = Sipariş
invoice-issued = Düzenlenme tarihi: { $day }
invoice-pdf = PDF olarak indir
invoice-seller = Satıcı
invoice-buyer = Alıcı
invoice-no_buyer = Adres verilmedi.
invoice-tax_id = Vergi numarası { $number }
invoice-course = Kurs
invoice-price = Fiyat
invoice-net = Vergi hariç
invoice-untaxed = Bu faturada vergi yok.
invoice-notes = İade faturaları
invoice-note = İade faturası { $number }
invoice-note_pdf = PDF
invoice-to_card = Kartınıza geri ödendi
invoice-to_wallet = Cüzdanınıza geri ödendi

## sales

sales-title = Satışlarım
sales-lede = { $from } – { $to }, vergi hariç.
sales-share = Payınız
sales-sold = Satılan
sales-refunded = İade edilen
sales-payable = Size borcumuz
sales-months = Aylara göre
sales-in_month = Ay
sales-month = { $month } { $year }
sales-quantity = Satış sayısı
sales-courses = Kurslara göre
sales-single = Tek tek satışlar
sales-none = Bu dönemde satış olmadı.
sales-refund = İade
sales-of_it = payınız { $share }

## ledger

ledger-title = Muhasebe
ledger-lede = Her satış, iade, ücret ve hediye çift taraflı kayıtla burada. Buradaki hiçbir şey değiştirilemez.
ledger-balanced = Denk
ledger-balanced_next = Her iki tarafta { $amount }.
ledger-unbalanced = Denk değil
ledger-unbalanced_next = Borç ve alacak farklı. Biri veritabanına hizmeti atlayarak ulaşmış olmalı.
ledger-accounts = Mizan
ledger-account = Hesap
ledger-debit = Borç
ledger-credit = Alacak
ledger-balance = Bakiye
ledger-sum = Tüm hesaplar
ledger-compared = Siparişler ve ödemelerle karşılaştırma
ledger-clean = Her şey tutuyor
ledger-unclean = Tutmayan bir şey var
ledger-check = Karşılaştırılan
ledger-expected = Olması gereken
ledger-found = Defterdeki
ledger-drift = Fark
ledger-none = yok
ledger-since = başlangıç: { $minute }
ledger-check_wallets = Tüm cüzdanların bakiyeleri
ledger-check_sales = Faturalar ve satışlar
ledger-check_captures = Alınan ödemeler ve satışlar
ledger-check_refunds = İade faturaları ve iadeler
ledger-check_trial_balance = Borç ve alacak
ledger-check_other = Başka bir kontrol
ledger-chain_whole =
    { $n ->
        [one] Özet zinciri sağlam: { $n } kayıt yazıldığı gibi duruyor.
       *[other] Özet zinciri sağlam: { $n } kayıt yazıldığı gibi duruyor.
    }
ledger-chain_broken = Kayıt { $n } ilk yazıldığı gibi değil
ledger-chain_next = Başka bir şey yapmadan önce onu bir yedekle karşılaştırın.
ledger-journal = Yevmiye defteri
ledger-empty = Henüz hiçbir şey yazılmadı.

## ledger_account

ledger_account-1000 = Kart ödemeleri geçiş hesabı
ledger_account-2000 = Cüzdan bakiyeleri
ledger_account-2100 = Eğitmenlere borçlar
ledger_account-2200 = Ödenecek vergi
ledger_account-4000 = Komisyon
ledger_account-5000 = Promosyon kredileri
ledger_account-5100 = Kart ücretleri

## wallet

wallet-title = Cüzdanım
wallet-lede = Bakiyenizle sipariş öder, iadelerinizi burada alırsınız.
wallet-available = Harcayabileceğiniz
wallet-balance = Cüzdanınızda
wallet-held = Siparişler için ayrılan
wallet-entries = Hareketler
wallet-none = Cüzdanınızda henüz hareket yok.
wallet-after = sonrasında { $balance }
wallet-kind_top_up = Yükleme
wallet-kind_grant = Bizden hediye
wallet-kind_hold = Bir sipariş için ayrıldı
wallet-kind_release = Serbest bırakıldı
wallet-kind_capture = Bir sipariş için ödendi
wallet-kind_refund = İade
wallet-kind_write_off = Silindi
wallet-order = Siparişi gör
wallet-top_up = Yükleme yap
wallet-amount = Tutar
wallet-amount_help = En az { $least }, en çok { $most }.
wallet-with = Hangi karttan?
wallet-new_card = Yeni bir kart
wallet-send = Yükle
wallet-cards = Kayıtlı kartlar
wallet-cards_none = Kayıtlı kartınız yok. Yükleme yaptığınızda ya da sipariş verdiğinizde yeni kart kaydedilir.
wallet-card_until = son kullanma { $month }/{ $year }
wallet-delete = Sil
wallet-delete_named = Son rakamları { $last4 } olan kartı sil
wallet-done_deleted = Kart silindi.
wallet-done_deleted_next = Süren ödemeler devam eder.
wallet-faults = Cüzdana yükleme yapılmadı.
wallet-faults_next = İşaretli olanları düzeltin. Kartı bir kez daha yazın: yazdığınızı saklamayız.
wallet-wrong_amount = Tutar en az { $least }, en çok { $most } olmalı.
wallet-wrong_card = Bir kart seçin.
wallet-full = Cüzdanınız bu kadarını daha alamaz.
wallet-closed = Cüzdanınız kapalı.
wallet-unanswered = Bunun yapılıp yapılmadığını henüz bilmiyoruz. Olduğu gibi bir kez daha gönderin: yalnızca bir kez tahsil edilir.
wallet-sent_otherwise = Daha önce başka değerlerle bir yükleme gönderildi. Ulaşıp ulaşmadığına aşağıda bakın ve bunu yeniden gönderin.
wallet-too_many_cards = Kaydedilebilecek kadar kartınız var. Önce birini silin.

## card_form

card_form-number = Kart numarası
card_form-number_help = Burada yalnızca yayımlanmış deneme kartları çalışır, örneğin 4242 4242 4242 4242. Gerçek para çekilmez.
card_form-expiry = Son kullanma tarihi
card_form-expiry_help = Ay ve yıl, örneğin 04/29.
card_form-cvc = Güvenlik kodu
card_form-cvc_help = Üç ya da dört rakam. Hiçbir zaman saklanmaz.
card_form-wrong_number = Bu bir kart numarası değil.
card_form-wrong_expiry = Ayı ve yılı 04/29 gibi yazın. Kart hâlâ geçerli olmalı.
card_form-wrong_cvc = Güvenlik kodu üç ya da dört rakamdır.
card_form-test_only = Burada yalnızca yayımlanmış deneme kartları geçer.

## top_up

top_up-title = Yükleme: { $amount }
top_up-back = Cüzdana dön
top_up-again = Yeniden dene
top_up-confirm = Ödemeyi onayla
top_up-deny = Vazgeç
top_up-pending = Ödemeniz isteniyor. Bu genellikle bir saniye sürer.
top_up-action = Bankanız ödemeyi onaylamanızı istiyor.
top_up-done = Tamam. Tutar cüzdanınızda.
top_up-failed = Cüzdanınıza yükleme yapılmadı ve sizden ücret alınmadı.
top_up-failed_next = Yeniden deneyin, belki başka bir kartla.
top_up-undone = Bu ödeme iade edildi.

## library

library-title = Kitaplığım
library-none = Henüz bir kursunuz yok. Sipariş ettikleriniz burada görünür.
library-browse = Kurslara göz at
library-done = { $all } dersten { $done } tanesi bitti
library-done_some =
    { $n ->
        [one] { $n } ders bitti
       *[other] { $n } ders bitti
    }
library-whole = Tamamlandı
library-begin = Başla
library-resume = Devam et
library-again = Yeniden bak
library-items = Sizde bundan { $n } tane var
library-use = Birini kullan
library-used = Biri kullanıldı.
library-used_next = Kalan sayı yanında yazıyor.
library-too_few = Kullanılacak bir tane bile kalmamıştı.
library-too_few_next = Sonuncusu başka bir pencerede kullanılmış olabilir.
library-progress = “{ $title }” kursundaki ilerlemeniz
library-bought = Siparişiniz tamamlandı.
library-bought_next = Satın aldıklarınız artık burada. Fatura siparişlerinizde.

## learn

learn-resume = Kaldığınız yerden devam edin
learn-begin = İlk dersle başlayın
learn-go = Derse git
learn-mark = Bitti olarak işaretle
learn-mark_named = “{ $title }” dersini bitti olarak işaretle
learn-marked = Bitti
learn-all = Tebrikler: bu kursu bitirdiniz.
learn-all_next = { $n } dersin tamamı bitti. Burada sizin için durmaya devam ederler.
learn-lessons = Dersler
learn-empty = Bu kursta henüz ders yok. Dersler burada görünecek.

## admin

admin-title = Yönetim
admin-lede = Birinin bakmasını bekleyenler.
admin-overview = Genel bakış
admin-orders = Siparişler
admin-refunds = İadeler
admin-grants = Hediyeler
admin-coupons = Kuponlar
admin-stuck = Takılan siparişler
admin-refunds_open = Karar bekleyen iadeler
admin-grants_open = İkinci yönetici onayı bekleyen hediyeler
admin-letters_open = İşlenemeyen olaylar
admin-away = şu anda sorulamıyor

## admin_orders

admin_orders-title = Tüm siparişler
admin_orders-show = Göster
admin_orders-apply = Bunları göster
admin_orders-all = Tüm siparişler
admin_orders-alerted = Takılanlar: biri bakmalı
admin_orders-none = Böyle bir sipariş yok.
admin_orders-since = Takıldığı zaman: { $time }

## admin_order

admin_order-alert_next = Beklediği taraf yanıt verince kendiliğinden ilerler. Yeniden sorun ya da uyarıyı bir notla kapatın.
admin_order-parts = Kim ne yaptı?
admin_order-seats = Yerler
admin_order-coupon = Kupon
admin_order-payment = Ödeme
admin_order-timers = Bundan sonra kendiliğinden olacaklar
admin_order-act = Yapabilecekleriniz
admin_order-retry = Şimdi yeniden sor
admin_order-retry_help = Yanıt vermeyen herkese bir kez daha gönderir. Bununla hiçbir şey iki kez yapılmaz.
admin_order-note = Ne öğrendiniz?
admin_order-note_help = 1 ile 500 karakter arası. Siparişin kaydında kalır; siparişin kendisi değişmez.
admin_order-no_note = Ne öğrendiğinizi birkaç kelimeyle yazın.
admin_order-resolve = Uyarıyı kapat
admin_order-facts = Sipariş
admin_order-buyer = Alıcı
admin_order-lines = Ne sipariş edildi?
admin_order-grant = Bir hediye ver
admin_order-payment_id = Ödeme numarası
admin_order-log = Neler oldu?
admin_order-by = yapan:
admin_order-sent = Gönderilen:
admin_order-done_retry = Yanıt vermeyen herkese yeniden soruldu.
admin_order-done_retry_next = Yanıtları aşağıda görünür. Biraz sonra sayfayı yenileyin.
admin_order-done_resolve = Uyarı kapatıldı.
admin_order-done_resolve_next = Notunuz siparişin kaydında.
admin_order-done_nothing = Yapılacak bir şey yoktu.
admin_order-done_nothing_next = Sipariş bu arada ilerledi. Ne aşamada olduğunu aşağıda görürsünüz.

## saga_part

saga_part-idle = Sorulmadı
saga_part-asked = Soruldu, henüz yanıt yok
saga_part-held = Ayrıldı
saga_part-settling = Kesinleşmesi istendi
saga_part-settled = Kesinleşti
saga_part-undoing = Geri verilmesi istendi
saga_part-undone = Geri verildi
saga_part-refused = Reddedildi

## saga_timer

saga_timer-resend = Yeniden sorar
saga_timer-deadline = Vazgeçer
saga_timer-query = Ödeme hizmetine ne bildiğini sorar
saga_timer-alert = Bir yönetici çağırır
saga_timer-attempts =
    { $n ->
        [one] ({ $n } denemeden sonra)
       *[other] ({ $n } denemeden sonra)
    }

## saga_cause

saga_cause-admin_resolve = Uyarı kapatıldı
saga_cause-admin_retry = Bir yönetici yeniden sordu
saga_cause-buyer_cancel = Alıcı iptal etti
saga_cause-buyer_submit = Sipariş verildi
saga_cause-discount_committed = Kupon kullanıldı
saga_cause-discount_refused = Kupon reddedildi
saga_cause-discount_released = Kupon geri verildi
saga_cause-discount_reserved = Kupon ayrıldı
saga_cause-identity_user_deleted = Alıcı hesabını sildi
saga_cause-inventory_granted = Erişim verildi
saga_cause-inventory_refused = Yerler reddedildi
saga_cause-inventory_released = Yerler geri verildi
saga_cause-inventory_reserved = Yerler ayrıldı
saga_cause-inventory_revoked = Erişim geri alındı
saga_cause-inventory_stale = Yer hizmeti eski bir ayırmayı sordu
saga_cause-payment_action_required = Banka alıcıdan onay istiyor
saga_cause-payment_authorized = Ödemeye provizyon alındı
saga_cause-payment_capture_failed = Ödeme alınamadı
saga_cause-payment_captured = Ödeme alındı
saga_cause-payment_declined = Ödeme reddedildi
saga_cause-payment_refund_failed = İade ödeme tarafında başarısız oldu
saga_cause-payment_refunded = Para geri ödendi
saga_cause-payment_voided = Provizyon serbest bırakıldı
saga_cause-refund_approved = İade başladı
saga_cause-timer_alert = Çok uzun süre kimse yanıt vermedi
saga_cause-timer_deadline = Süre doldu
saga_cause-timer_query = Ödeme hizmetine ne bildiği soruldu
saga_cause-timer_resend = Yeniden soruldu

## letters

letters-title = İşlenemeyen olaylar
letters-lede = Bir hizmetin işleyemeyip kenara ayırdıkları. Önce nedeni giderin, sonra yeniden iletin.
letters-none = Her olay işlendi. Yapılacak bir şey yok.
letters-consumer = İşleyen
letters-of_all = Tümü ({ $n })
letters-attempts =
    { $n ->
        [one] { $n } deneme
       *[other] { $n } deneme
    }
letters-letters =
    { $n ->
        [one] { $n } olay
       *[other] { $n } olay
    }
letters-redrive_all =
    { $n ->
        [one] { $n } olayı yeniden ilet
       *[other] { $n } olayı yeniden ilet
    }
letters-all_help = Saniyede on tane, en eskisinden başlayarak. Yine işlenemeyenler buraya geri gelir.
letters-why = İşlenemedi.
letters-tried = Denemeler
letters-first_at = İlk hata
letters-parked_at = Kenara ayrıldı
letters-event_id = Olay numarası
letters-event = Olay
letters-redrive = Yeniden ilet
letters-redrive_help = Şimdi gelmiş gibi işlenir. Bununla hiçbir şey iki kez yapılmaz.
letters-discard_why = Neden hiç gerekmeyecek?
letters-discard_help = 1 ile 500 karakter arası. Kayıtta kalır; olayın kendisi kalıcı olarak silinir.
letters-discard = At
letters-no_reason = Neden atılabileceğini birkaç kelimeyle yazın.
letters-done_redriven = Olay yeniden iletiliyor.
letters-done_redriven_next = Yine işlenemezse yeni nedeniyle buraya geri gelir.
letters-done_all = Hepsi yeniden iletiliyor.
letters-done_discarded = Olay atıldı.
letters-done_discarded_next = Bunu kimin neden yaptığı kayıtta.
letters-done_absent = O olay artık burada değil.
letters-done_absent_next = Daha önce yeniden iletilmiş ya da atılmış.
letters-done_failed = Hiçbir şey yapılmadı: olaylara ulaşılamadı.
letters-done_failed_next = Biraz sonra yeniden deneyin.
letters-done_under_way = Bu biraz sürer.
letters-done_under_way_next = Bittiğinde kayıtta görünür.
letters-record = Neler yapıldı?
letters-record_lede = Yöneticilerin işlenemeyen olaylar için yaptığı her şey, en yenisinden başlayarak.
letters-record_none = Şimdiye kadar bir şey yapmak gerekmedi.
letters-did_redrive = Yeniden iletildi
letters-did_redrive_all = Hepsi yeniden iletildi
letters-did_discard = Atıldı
letters-was_done = Tamam
letters-was_absent = Zaten yoktu
letters-was_failed = Olmadı
letters-is_under_way = Sürüyor

## admin_refunds

admin_refunds-title = Karar bekleyen iadeler
admin_refunds-lede = En eskiler önce. Para geri gönderilmeden önce erişim sona erer; notunuzu alıcı okur.
admin_refunds-none = Karar bekleyen iade yok.
admin_refunds-order = Siparişi gör
admin_refunds-to_wallet = Cüzdana
admin_refunds-to_card = Karta
admin_refunds-late = Satın almanın üzerinden 14 günden fazla geçti
admin_refunds-consumed = Bir kısmı kullanıldı
admin_refunds-progress = Kursun büyük bölümü bitirildi
admin_refunds-note = Alıcıya yanıtınız
admin_refunds-approve = Onayla
admin_refunds-reject = Reddet
admin_refunds-approved = İade onaylandı.
admin_refunds-approved_next = Önce erişim sona erer, sonra para geri gönderilir.
admin_refunds-rejected = İade reddedildi.
admin_refunds-rejected_next = Alıcı yanıtınızı siparişinde bulur.
admin_refunds-decided = Bu iadeye daha önce karar verildi.
admin_refunds-decided_next = İlk karar geçerlidir.
admin_refunds-no_note = Karar verilmedi: yanıt eksik.
admin_refunds-no_note_next = Alıcının okuyacağı 1 ile 500 karakter arası bir metin yazın.
admin_refunds-not_now = Sipariş şu anki durumunda iade edilemez.
admin_refunds-not_now_next = Başka bir iadesinin bitmesini bekleyin, sonra yeniden karar verin.

## grants

grants-title = Hediyeler
grants-lede = Mağazanın hediye ettiği bakiyeler ve kurslar. Kimin, neyi, neden verdiği kayıtta kalır.
grants-credits = Bakiye ver
grants-item = Kurs ver
grants-user = Kullanıcı numarası
grants-user_help = Siparişlerinden birinde yazdığı gibi.
grants-amount = Euro olarak tutar
grants-amount_help = €100,00 üzerindeki tutarları ikinci bir yönetici onaylamalıdır.
grants-reason = Neden
grants-reason_help = En az 5 karakter, kayıt için.
grants-course = Kurs
grants-course_help = Mağazadaki adresi ya da numarası.
grants-give_credits = Bakiyeyi ver
grants-give_item = Kursu ver
grants-given = Şimdiye kadar verilen bakiyeler
grants-none = Henüz bakiye verilmedi.
grants-pending = İkinci yöneticinin onayını bekliyor
grants-to = alan:
grants-by = veren:
grants-approved_by = onaylayan:
grants-approve = Onayla
grants-faults = Hiçbir şey verilmedi.
grants-wrong_user = Böyle bir kullanıcının cüzdanı ya da kitaplığı yok.
grants-wrong_amount = 0,01 ile 10000,00 arasında bir tutar yazın.
grants-wrong_reason = Nedenini 5 ile 200 karakter arasında yazın.
grants-wrong_course = Mağazada böyle bir kurs yok.
grants-wrong_quantity = 1 ile 100 arasında bir sayı yazın; kurs için 1.
grants-full = Cüzdan bu kadarını daha alamaz.
grants-closed = Bu kullanıcının cüzdanı kapalı.
grants-owned = Bu kurs zaten kullanıcının.
grants-ordering = Kullanıcı şu anda bu kursu sipariş ediyor.
grants-sold_out = Yeterli yer kalmadı.
grants-refused = Reddedildi. Her alanı kontrol edin, sonra yeniden deneyin.
grants-sent_otherwise = Bu form daha önce başka değerlerle gönderildi. Ulaşıp ulaşmadığına aşağıda bakın ve yeniden gönderin.
grants-unanswered = Bunun yapılıp yapılmadığını henüz bilmiyoruz. Olduğu gibi bir kez daha gönderin: yalnızca bir kez verilir.
grants-done_granted = Bakiye cüzdanda.
grants-done_granted_next = Hediye aşağıda kayıtlı.
grants-done_pending = Hediye, ikinci bir yöneticinin onayını bekliyor.
grants-done_pending_next = Aşağıdaki listede; orada onaylanabilir.
grants-done_item = Kurs, kullanıcının kitaplığında.
grants-done_item_next = Nedeni kayıtta.
grants-done_approved = Hediye onaylandı.
grants-done_approved_next = Bakiye cüzdanda.
grants-done_decided = Bu hediye daha önce onaylandı.
grants-done_decided_next = Bakiye bir kez verildi.
grants-done_same = Bu hediyeyi başka bir yönetici onaylamalı.
grants-done_same_next = Bunu siz istediniz, bu yüzden ikinci bakış sizin olamaz.
grants-done_wallet = Cüzdan bunu alamıyor.
grants-done_wallet_next = Kapalı ya da fazla dolmuş olurdu.

## coupons

coupons-own = Kuponlar
coupons-own_title = Kurslarınız için kuponlar
coupons-own_lede = Her biri kurslarınızın tümünde geçerlidir, başkasının kursunda geçmez.
coupons-own_scope = Kupon, kurslarınızın tümünde geçerlidir.
coupons-all_title = Mağazanın kuponları
coupons-all_lede = Mağazanın ve tüm eğitmenlerin kuponları, en yeniler önce.
coupons-new = Yeni kupon
coupons-none = Henüz kupon yok.
coupons-one = Kupon { $code }
coupons-off = { $off } indirim
coupons-active = Geçerli
coupons-paused = Duraklatıldı
coupons-archived = Silindi
coupons-always = Her zaman geçerli
coupons-from = Başlangıç: { $from }
coupons-to = Son gün: { $to }
coupons-from_to = { $from } – { $to }
coupons-used = { $n } kez kullanıldı
coupons-used_of = { $most } hakkın { $n } tanesi kullanıldı
coupons-t_worth = Değeri
coupons-t_scope = Geçerli olduğu yer
coupons-t_valid = Ne zaman
coupons-t_used = Şimdiye kadar
coupons-t_reserved = Süren siparişler
coupons-t_per_user = Alıcı başına sipariş
coupons-t_min = En az ara toplam
coupons-t_first = Yalnızca ilk sipariş
coupons-t_user = Yalnızca şu kullanıcı
coupons-yes = Evet
coupons-scope_all = Tüm kurslar
coupons-scope_instructor = Bir eğitmenin tüm kursları
coupons-scope_courses =
    { $n ->
        [one] { $n } kurs
       *[other] { $n } kurs
    }
coupons-scope_categories =
    { $n ->
        [one] { $n } konu
       *[other] { $n } konu
    }
coupons-pause = Duraklat
coupons-resume = Yeniden geçerli yap
coupons-uses = Nasıl kullanıldı?
coupons-unused = Henüz hiçbir siparişte kullanılmadı.
coupons-order = Sipariş
coupons-reserved = Sipariş sürüyor
coupons-committed = Ödendi
coupons-released = Geri verildi
coupons-faults = Kupon oluşturulmadı.
coupons-create = Kuponu oluştur
coupons-f_code = Kod
coupons-f_code_help = 4 ile 32 arası harf, rakam ve kısa çizgi. Sonradan değiştirilemez.
coupons-f_kind = İndirimin türü
coupons-f_percent = Yüzde
coupons-f_amount = Euro olarak tutar
coupons-f_worth = Ne kadar
coupons-f_worth_help = Örneğin 15 ya da 12,5.
coupons-f_scope = Nelerde geçerli
coupons-f_courses = Bazı kurslar
coupons-f_category = Bir konu
coupons-f_instructor = Bir eğitmenin kursları
coupons-f_ids = Kursların numaraları
coupons-f_ids_help = Her satıra bir tane, en çok 100.
coupons-f_instructor_id = Eğitmenin kullanıcı numarası
coupons-f_choose = Bir konu seçin
coupons-f_starts = Başlangıç günü (isteğe bağlı)
coupons-f_starts_help = Bu günün başından itibaren, UTC.
coupons-f_ends = Son gün (isteğe bağlı)
coupons-f_ends_help = Bu günün sonuna kadar, UTC.
coupons-f_max = Toplam kullanım (isteğe bağlı)
coupons-f_max_help = Sınırsız için boş bırakın.
coupons-f_per_user = Alıcı başına kullanım
coupons-f_min = Euro olarak en az ara toplam (isteğe bağlı)
coupons-f_first = Yalnızca alıcının ilk siparişi için
coupons-wrong_code = Kod 4 ile 32 arası harf, rakam ve kısa çizgiden oluşur.
coupons-code_taken = Bu kod alınmış. Başka birini düşünün.
coupons-wrong_worth = 0,01 ile 100 arasında bir yüzde ya da bir tutar yazın.
coupons-wrong_courses = En az bir kursun numarasını yazın, her satıra bir tane.
coupons-wrong_category = Bir konu seçin.
coupons-wrong_instructor = Bir eğitmenin kullanıcı numarasını yazın.
coupons-wrong_day = Günü yıl, ay ve gün olarak yazın, örneğin 2026-12-01.
coupons-wrong_end = Son gün ilk günden önce ya da geçerli bir gün değil.
coupons-wrong_number = 1 ya da daha büyük bir sayı yazın.
coupons-wrong_amount = 20 ya da 20,00 gibi bir tutar yazın.
coupons-refused = Reddedildi. Her alanı kontrol edin, sonra yeniden deneyin.
coupons-sent_otherwise = Bu form daha önce başka değerlerle gönderildi. Kupon listesine bakın, sonra yeniden gönderin.
coupons-unanswered = Bunun yapılıp yapılmadığını henüz bilmiyoruz. Olduğu gibi bir kez daha gönderin: yalnızca bir kez oluşturulur.
coupons-done_created = Kupon oluşturuldu.
coupons-done_created_next = İlk gününden itibaren kullanılabilir.
coupons-done_paused = Kupon duraklatıldı.
coupons-done_paused_next = Yeni siparişler kullanamaz. Kuponu ayırmış siparişlerde kalır.
coupons-done_resumed = Kupon yeniden geçerli.
coupons-done_resumed_next = Siparişler hemen kullanabilir.
coupons-done_stale = Kupon bu arada değiştirildi. Hiçbir şey yapılmadı.
coupons-done_stale_next = Şu anki hâlini aşağıda görürsünüz.

## certificate

certificate-title = Sertifika
certificate-of = Tamamlama sertifikası
certificate-for = Bu sertifika, adı aşağıda yazılı kişinin
certificate-has =
    { $n ->
        [one] şu kursun tek dersini tamamladığını belgeler:
       *[other] şu kursun { $n } dersinin tümünü tamamladığını belgeler:
    }
certificate-date = Tamamlanma tarihi: { $day }
certificate-number = Sertifika numarası { $number }
certificate-print = Yazdırmak için tarayıcınızın yazdırma komutunu kullanın.
certificate-back = Kursa dön
certificate-see = Sertifikanızı görün
certificate-not_yet = Sertifikanız, tüm dersler biter bitmez burada olacak.
certificate-not_yet_next = { $all } dersten { $done } tanesi bitti.

## design

design-title = Tasarım
design-promise = Sayfaların şimdiye kadar kullandığı her bileşen, her durumuyla. Görünümü sayfanın altından değiştirin.
design-colours = Renkler
design-type = Yazı
design-headline = Mağazanın kendi sesiyle bir başlık
design-running = Akan metin sistemin serifsiz yazı tipiyle, 1,5 satır yüksekliğinde 17 px olarak, en çok 70 karakter genişliğinde dizilir. Para ve saatler eşit genişlikte rakamlarla yazılır.
design-small = Küçük metin: bilgiler, alt yazılar ve yardım.
design-link = Metin içinde bir bağlantı
design-buttons = Düğmeler
design-primary = Birincil
design-quiet = Sade
design-danger = Tehlike
design-busy = Çalışıyor…
design-disabled = Devre dışı
design-fields = Alanlar
design-field = Başlık
design-field_help = En çok 120 karakter.
design-field_error = En az 2 karakter yazın.
design-choice = Yerler
design-choice_a = Sınırsız
design-choice_b = Sınırlı
design-select = Düzey
design-secret = Parola
design-sheet = Yaprak: giriş, izin, sorular
design-lines = Bilgiler ve satırlar
design-badges = Rozetler, etiketler ve avatar
design-notices = Bildirimler
design-notice_info = Ödeme henüz açılmadı.
design-notice_success = Kursunuz herkese açık.
design-notice_warning = Taslağınızın fiyatı yok.
design-notice_danger = Değişikliğiniz kaydedilmedi.
design-notice_next = Her bildirim önce ne olduğunu, sonra ne yapılacağını söyler.
design-price = Fiyat
design-bill = Tutarlar, notlar ve küçük işlemler
design-cards = Kartlar ve kapaklar
design-card_long = Bir kartın ayırdığı iki satıra sığmayan, bu yüzden kesilen uzun mu uzun bir başlık
design-accordion = Akordeon
design-crumbs = Gezinti yolu ve sayfalar
design-steps = Adımlar ve ilerleme
design-tabs = Sekmeler, göstergeler ve zaman çizgisi
design-empty = Boş durum
design-icons = Simgeler
