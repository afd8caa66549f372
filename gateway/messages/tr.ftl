### What the edge itself says to browsers, by the code of its problem documents.
### The message that the code calls `section.name` is `section-name` here.

## edge

edge-kicker = Hata { $status }
edge-home = Ana sayfaya gidin
edge-trace = Yardım isterseniz şu kodu belirtin:
edge-next_check = Adreste yazım hatası olup olmadığını kontrol edin.
edge-next_wait = Biraz bekleyip sayfayı yeniden yükleyin.
edge-next_back = Geri dönüp yeniden deneyin.
edge-invalid_target = İstek tam olarak bir sunucu adı belirtmeli.
edge-invalid_path = Adres beklenen biçimde değil.
edge-not_found = Bu adreste bir şey bulunamadı.
edge-method_not_allowed = Bu adres bu yöntemi kabul etmiyor.
edge-too_many_requests = Adresinizden çok fazla istek geldi. Biraz bekleyip yeniden deneyin.
edge-body_too_large = Gönderilen içerik bu adresin kabul ettiğinden büyük.
edge-request_timeout = Gönderilen içerik zamanında ulaşmadı.
edge-invalid_body = Gönderilen içerik eksik.
edge-invalid_form = Form okunamıyor.
edge-foreign_form = Form bu sitenin bir sayfasından gönderilmedi.
edge-upstream_unreachable = Hizmete şu anda ulaşılamıyor.
edge-upstream_failed = Hizmet geçersiz bir yanıt gönderdi.
edge-upstream_timeout = Hizmet zamanında yanıt vermedi.
edge-internal = Bizim tarafımızda bir hata oluştu.
edge-not_allowed = Hesabınızın buraya erişimi yok.
edge-sign_in_required = Önce oturum açın.
edge-session_unavailable = Oturumunuz şu anda denetlenemiyor.
