# Déménager : un autre serveur pour le même journal.

log-move = { $who } a apporté le déménagement vers le serveur { $address }, signé par { $names } : le journal y continue après { $n } entrées.
log-move-gives-up = { $who } a apporté le déménagement vers le serveur { $address }, signé par { $names } : le journal y continue après { $n } entrées, et ABANDONNE { $lost ->
        [one] une entrée que connaissaient
       *[other] { $lost } entrées que connaissaient
    } les personnes qui ont signé. Premier accord : { $first }. Deuxième : { $second }.
audit-remark-moved = À l’entrée { $entry }, l’association a déménagé : une nouvelle clé signe depuis. Le déménagement a été signé comme la charte le demande ; la copie a donc été vérifiée avec la nouvelle clé.
audit-own-left-behind = La copie de cet ordinateur ({ $n } entrées) s’arrête là où l’association a déménagé sans ses dernières entrées.
audit-remark-given-up = { $n ->
        [one] Une entrée de la copie de cet ordinateur a été abandonnée
       *[other] { $n } entrées de la copie de cet ordinateur ont été abandonnées
    } par un déménagement qui le dit, et que les personnes qui peuvent détruire ont signé deux fois, avec le délai de la charte entre les deux.
failed-moved = Cette association a déménagé vers { $address }, et ce serveur n’a plus rien à dire. Demandez aux autres le fichier du déménagement, puis « sequestre move follow FICHIER ».

# Ce que les règles disent d’un déménagement.
refused-move-signature = Une signature de ce déménagement ne tient pas : le fichier a été abîmé ou modifié en route. Demandez-le à nouveau.
refused-move-quorum = Trop peu de celles et ceux qui peuvent changer la charte ont signé ce déménagement. Recueillez d’autres signatures avec « sequestre move sign ».
refused-move-not-confirmed = Ce déménagement abandonne des entrées, et trop peu des personnes qui peuvent détruire l’ont signé, une fois puis à nouveau après le délai de la charte. Recueillez d’autres signatures avec « sequestre move sign ».
refused-move-too-early = Ce déménagement abandonne des entrées, et quelqu’un l’a signé trop tôt pour la deuxième fois : cela vaut à partir du { $at }. Demandez le fichier tel qu’il était avant, et signez-le à nouveau à ce moment-là.
refused-move-dates = Des signatures de ce déménagement portent une date d’avant ce qu’elles abandonnent, ou dans l’avenir. Vérifiez la date de cet ordinateur ; si elle est juste, proposez le déménagement à nouveau.
refused-move-undeclared = STOP. Ce déménagement laisse de côté des entrées que cet ordinateur connaît, et ne dit pas qu’il les abandonne. Rien n’a été signé ni changé. Faites rétablir le serveur à nouveau, depuis la copie plus longue de cet ordinateur ; ou faites proposer le déménagement à nouveau par une personne qui a ces entrées, avec --give-up. Si les autres ont déjà suivi : « sequestre restore-identity --begin-anew » avec une nouvelle carte de contact garde ce que cet ordinateur a, et signe à nouveau ce que vous avez perdu.
refused-move-prefix = Ce déménagement ne commence pas à la fin de ce journal : des entrées se sont ajoutées entre-temps, ou c’est un autre journal. Comparez avec les autres ; rien n’a été changé.
refused-move-charter = Un déménagement change le serveur et la clé du journal, et rien d’autre dans la charte. Proposez-le à nouveau ; changez la charte avant ou après.
refused-move-log-key = Ce déménagement ne quitte pas la clé qui signe le journal aujourd’hui, ou revient à une ancienne. Proposez-le à nouveau depuis une copie à jour.
refused-not-moved = Ce serveur a été rétabli depuis une copie et attend que l’association y déménage. Demandez aux gardien·nes le fichier du déménagement, puis « sequestre move follow FICHIER ».
refused-moved-elsewhere = Ce déménagement mène à un autre serveur que celui qui a été appelé. Rien n’a été changé ; vérifiez où le fichier dit que le journal continue. Si c’est bien le serveur voulu, il a changé de nom depuis : son ou sa technicien·ne lui redonne le nom qui est dans le fichier (« name » dans sa configuration), ou envoie à nouveau le lieu (« sequestred place ») pour un nouveau déménagement.

# Le fichier d’un déménagement, et celui du lieu où l’on emménage.
move-file-header =
    L’association « { $organisation } » déménage : son journal continue à { $address } après { $n } entrées.
    Signé par : { $names }
    Code à comparer de vive voix ; c’est celui de votre écran qui compte : { $code }
    Valable jusqu’au : { $time }
    Pour signer : sequestre move sign FICHIER. Quand assez de personnes ont signé : sequestre move follow FICHIER
move-file-gives-up = Entrées abandonnées, pour lesquelles signent deux fois les personnes qui peuvent détruire : { $n }
move-file-none = { $path } ne contient ni un déménagement ni un lieu où emménager. Transmettez ces fichiers en entier.
move-file-kind = { $path } n’est pas le fichier qu’il faut ici : « propose » prend ce qu’a envoyé la personne qui s’occupe du nouveau serveur, « sign » et « follow » prennent le fichier du déménagement.
move-file-damaged = { $path } a été abîmé en route. Demandez-le à nouveau.
move-file-newer = { $path } vient d’une autre version de ce programme. Mettez-le à jour, puis réessayez.
move-files-differ = Ces fichiers ne parlent pas du même déménagement. Demandez aux autres lequel vaut, et suivez celui-là.

# Ce que ferait un déménagement.
move-screen-head = L’association « { $organisation } » déménage vers un autre serveur. Cela fait la version { $version } de la charte, et n’y change rien d’autre.
move-screen-from = De { $address } (clé du journal { $key })
move-screen-to = Vers { $address } (clé du journal { $key })
move-screen-server = Clé du nouveau serveur : { $key }
move-screen-prefix = Le journal continue après ses { $n } premières entrées (racine { $root }). La copie de cet ordinateur a { $own } entrées.
move-screen-all = Rien de ce que cet ordinateur connaît n’est abandonné.
move-screen-lost = { $n ->
    [one] Cette entrée est abandonnée, comme si elle n’avait
   *[other] Ces { $n } entrées sont abandonnées, comme si elles n’avaient
} pas eu lieu. Une copie en reste sur cet ordinateur :
move-screen-gives-up =
    { $n ->
        [one] Une entrée serait perdue, comme si elle n’avait jamais eu lieu
       *[other] { $n } entrées seraient perdues, comme si elles n’avaient jamais eu lieu
    } – par { $names }, depuis le { $since }. { $unknown ->
        [0] Cet ordinateur a une copie de tout.
        [one] Cet ordinateur n’a pas de copie de l’une d’elles.
       *[other] Cet ordinateur n’a pas de copie de { $unknown } d’entre elles.
    } Il y faut deux fois l’accord des personnes qui peuvent détruire, avec le délai de la charte entre les deux.
move-screen-first = D’accord avec ce qui est perdu : { $names }
move-screen-due = Une deuxième signature peut être donnée à partir du { $time }.
move-screen-second = D’accord une deuxième fois : { $names }
move-screen-expires = Ce fichier peut servir jusqu’au { $time }.
move-lost-server = le serveur ({ $n })
move-lost-unknown = pas connu ici
move-screen-behind = Il manque à la copie de cet ordinateur { $n ->
    [one] une
   *[other] { $n }
} des entrées avec lesquelles le journal continuerait : ni ce qui manque, ni si cela prolonge cette copie, ne peut être montré ici.
move-screen-differs = STOP : le journal qui continuerait n’est pas celui que cet ordinateur a vérifié. Quelqu’un a montré des journaux différents à des personnes différentes. Parlez-en aux autres avant de poursuivre.
move-screen-signed = Signé jusqu’ici par : { $names }
move-screen-unchecked = Noms dans le fichier, dont les signatures ne peuvent pas être vérifiées avant d’avoir récupéré le journal là-bas : { $names }
move-screen-code = Code de ce déménagement, à comparer de vive voix : { $code }

# Proposer et signer.
ask-move-second = Vous avez déjà signé un autre déménagement vers la version { $version } de la charte. Si les deux servent, le journal se divise en deux, et vous l’aurez signé. Faites détruire toutes les copies de l’autre fichier ; il reste valable 30 jours, plus le délai s’il abandonne des entrées. Avez-vous la certitude que l’autre ne servira jamais ?
ask-move-place = Le code de 35 chiffres que vous lit la personne qui s’occupe du nouveau serveur
move-place-differs = Ce n’est pas le code de ce fichier. Rien n’a été signé. Faites-le relire ; s’il diffère encore, quelqu’un a échangé le fichier : prévenez les autres.
ask-move-give-up = Acceptez-vous que { $n ->
        [one] cette entrée soit perdue
       *[other] ces { $n } entrées soient perdues
    }, et signez-vous ce déménagement ? Il y faudra une deuxième fois les signatures de votre groupe, après le délai de la charte.
ask-move-give-up-again = Pour la deuxième fois : acceptez-vous que { $n ->
        [one] cette entrée soit perdue
       *[other] ces { $n } entrées soient perdues
    } pour de bon ?
ask-move-sign = Signez-vous ce déménagement ?
move-behind = Il manque à la copie de cet ordinateur { $n ->
    [one] une entrée qui a été rétablie
   *[other] { $n } entrées qui ont été rétablies
} sur le nouveau serveur. Laissez un·e gardien·ne qui a une copie plus longue proposer le déménagement.
move-expired = Ce déménagement n’a pas servi à temps : son fichier était valable jusqu’au { $time }. Rien n’a été signé ni changé. Proposez-le à nouveau s’il est encore voulu.
move-second-early = Il n’y a rien à signer pour l’instant : ce déménagement abandonne des entrées, et vous pourrez le signer une deuxième fois à partir du { $time }. D’ici là, tout le monde peut y réfléchir.
move-gives-up-more = La copie de cet ordinateur a { $n ->
    [one] une entrée
   *[other] { $n } entrées
} après l’endroit où le journal continuerait, et le déménagement dit en abandonner { $said }. Rien n’a été signé. Faites rétablir le serveur à nouveau depuis cette copie ; ou proposez vous-même le déménagement, avec --give-up { $n }.
move-unseen-lost = Ce déménagement abandonne { $n ->
    [one] une entrée
   *[other] { $n } entrées
} dont cet ordinateur n’a pas de copie : ce qui s’y trouve ne peut pas être montré ici. Laissez d’autres signer, ou ajoutez --unseen si vous vous fiez à ce qu’ils ou elles ont vu.
move-unseen = Il manque à la copie de cet ordinateur { $n ->
    [one] une
   *[other] { $n }
} des entrées avec lesquelles le journal continuerait ; rien ne dit ici si cela la prolonge. Laissez d’autres signer, ou ajoutez --unseen si vous vous fiez à ce qu’ils ou elles ont vu.
move-differs = STOP. Le journal qui continuerait n’est pas celui que cet ordinateur a vérifié. Rien n’a été signé ni changé. Comparez avec les autres, et montrez ceci à un·e médiateur·rice. Si tous et toutes conviennent que c’est votre journal qui a été quitté : « sequestre restore-identity --begin-anew » avec une nouvelle carte de contact, ou « sequestre join --begin-anew » avec une nouvelle invitation.
move-charter-given-up = STOP. Ce déménagement revient avant la version { $version } de la charte, que cet ordinateur sait en vigueur, et trop peu des personnes qui peuvent changer cette version, et détruire selon elle, l’ont signé. Rien n’a été changé. Montrez le fichier aux autres et à un·e médiateur·rice ; si c’est voulu, que ces personnes signent aussi, avec « sequestre move sign ».
move-give-up = Déménager là-bas abandonne { $n ->
    [one] une entrée
   *[other] { $n } entrées
} de la copie de cet ordinateur. Si personne n’a de copie plus longue, recommencez avec --give-up { $n }.
move-not-signer = Seules les personnes qui peuvent changer la charte signent un déménagement, et celles qui peuvent détruire, s’il abandonne des entrées. Quand elles l’auront fait, suivez-le avec « sequestre move follow ».
move-signed = Écrit dans { $path }. Signatures encore manquantes : { $n }. Envoyez-le à la personne suivante ; le code est { $code }.
move-signed-gives-up = Écrit dans { $path }. Signatures encore manquantes avant que le délai commence : { $first } des personnes qui peuvent détruire ; et à tout moment { $n } de celles qui peuvent changer la charte. Envoyez-le à la personne suivante ; le code est { $code }.
move-signed-first = Écrit dans { $path }. Gardez-le : une deuxième signature est due à partir du { $time }, de { $n } des personnes qui peuvent détruire, avec « sequestre move sign ». Manquent en outre, à tout moment, de celles qui peuvent changer la charte : { $amend }. Le code est { $code }.
move-signed-complete = Écrit dans { $path }. Assez de personnes ont signé. Envoyez-le à tout le monde : « sequestre move follow FICHIER ». Le code est { $code }.

# Ce que dit status d’un déménagement signé ici.
status-move = Vous avez signé un déménagement vers { $address }, que personne ici n’a encore suivi ; son fichier est valable jusqu’au { $time }.
status-move-first = Le premier accord n’est pas encore complet.
status-move-second = Votre deuxième signature est due à partir du { $time }, et jusqu’au { $until } : « sequestre move sign FICHIER ».

# Suivre.
ask-move-follow = À partir de maintenant, vous fiez-vous au serveur { $address }, et plus à l’ancien ?
move-followed = Déménagé : le journal continue à { $address } et compte { $n } entrées.
move-followed-already = Vous avez déjà emménagé à { $address }. Il n’y a rien à faire.
move-kept = Ce que cet ordinateur avait avant, avec { $n ->
    [one] une entrée abandonnée
   *[other] { $n } entrées abandonnées
}, est conservé dans { $path }.
move-signed-anew = De ce qui a été abandonné, ceci a été signé à nouveau pour vous :
move-do-again = Ceci a été abandonné aussi, ou n’a pas pu être signé à nouveau. Rien n’en a été effacé : les dépôts sont retentés quand vous suivez le déménagement à nouveau, le reste se trouve dans evidence/given_up. Refaites-le si c’est encore voulu ; une invitation demande un nouveau code :
move-pending = Ce qui était signé et n’était pas encore dans le journal.
move-not-there = STOP. Le journal que montre { $address } ne continue pas comme le dit le déménagement. Rien n’a été changé. Parlez-en à la personne qui s’occupe de ce serveur et aux autres.
move-other-key = Le serveur { $address } ne signe pas avec la clé que nomme ce déménagement. Soit le journal a encore déménagé depuis, soit c’est un autre serveur. Rien n’a été changé. Demandez aux autres le fichier de déménagement le plus récent, et suivez celui-là.
move-others-first = Le nouveau serveur ne connaît pas encore cet ordinateur, et personne n’y a apporté le déménagement. Une personne dont l’ordinateur était connu quand le journal a été copié doit suivre le déménagement en premier ; réessayez ensuite.
move-follow-give-up = STOP. { $n ->
    [one] Une entrée de la copie de cet ordinateur n’est pas
   *[other] { $n } entrées de la copie de cet ordinateur ne sont pas
} dans le journal qui continuerait, ce que le fichier seul ne pouvait pas dire. Rien n’a été changé. Parlez-en aux autres ; si vous acceptez toutes et tous cet abandon, recommencez avec --give-up { $n }.
distrust-two-moves = STOP. Deux déménagements différents de cette association ont été signés : le journal continuerait à deux endroits. Les deux fichiers sont conservés dans { $path }. Montrez-les aux autres et à un·e médiateur·rice.

# Aide.
help-move = Déménager l’association vers un autre serveur, quand l’ancien est perdu ou n’est plus digne de confiance
help-move-propose = Écrire le fichier d’un déménagement vers un serveur préparé avec « sequestred restore » ; sans serveur
help-move-propose-place = Le fichier qu’a envoyé la personne qui s’occupe du nouveau serveur
help-move-propose-output = Où écrire le fichier du déménagement
help-move-propose-give-up = Abandonner exactement ce nombre d’entrées de la copie de cet ordinateur
help-move-propose-place-code = Le code que vous a lu la personne qui s’occupe du nouveau serveur
help-move-sign = Vérifier un déménagement et ajouter sa signature au fichier ; sans serveur
help-move-sign-file = Le fichier du déménagement
help-move-sign-unseen = Signer bien que la copie du journal de cet ordinateur soit plus courte que ce que nomme le déménagement
help-move-follow = Suivre un déménagement signé
help-move-follow-files = Le fichier du déménagement, ou plusieurs copies avec des signatures différentes
help-move-follow-give-up = Abandonner exactement ce nombre d’entrées de la copie de cet ordinateur, si cela ne se voit que dans le nouveau journal

# L’exercice de restauration.
progress-drill-restore = Un serveur est rétabli depuis la copie de cet ordinateur
help-drill-restore = Rétablir un serveur depuis la copie de cet ordinateur, à côté de celui qui fonctionne, et signer le résultat dans le journal
help-drill-restore-daemon = Le programme sequestred, s’il n’est pas à côté de celui-ci
drill-restore-init = Un nouveau dossier de données : { $seconds } s
drill-restore-restore = Rétabli depuis la copie de cet ordinateur : { $seconds } s
drill-restore-fsck = Chaque entrée et chaque fichier vérifiés : { $seconds } s
drill-restore-run = Mis en service, et il a répondu : { $seconds } s
drill-restore-works = Cela fonctionne : { $n } entrées et { $blobs } fichiers, en { $steps } étapes. Le résultat est dans le journal, entrée { $entry }.
drill-restore-fails = L’exercice de restauration n’a pas fonctionné, et c’est dans le journal, entrée { $entry }. Ce qui s’est passé : { $trouble }
drill-restore-trustee = Seule la copie d’un·e gardien·ne contient tout ce qu’il faut à un nouveau serveur. Demandez à un·e gardien·ne de faire cet exercice.
drill-restore-no-daemon = Il n’y a pas de programme { $path }. Indiquez le programme sequestred avec --daemon FICHIER.
